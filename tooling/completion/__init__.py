"""Shell completion: just completes recipes itself, the scripts here add each recipe's words and flags.

`just.bash`, `just.zsh` and `just.fish` are read by shells; what they offer stands in `flags.txt`, which is made from
what every program says to `-h`. Nothing of it is needed to run anything.
"""
