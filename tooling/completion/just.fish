# Completion for `just` in fish: recipes by just itself, words and flags of this project's recipes from flags.txt.
#
#     source tooling/completion/just.fish        (in ~/.config/fish/config.fish with the whole path)
#
# In a directory that is not this project's, just completes as it always does.
if command -q just
    JUST_COMPLETE=fish just 2>/dev/null | source
end

function __yap_words --description 'what may follow the recipe on the command line, one a line'
    set -l root $PWD
    while not test -f "$root/justfile"; and test -n "$root"
        set root (string replace -r '/[^/]*$' '' -- $root)
    end
    set -l file "$root/tooling/completion/flags.txt"
    test -f "$file"; or return
    for word in (commandline --current-process --tokenize --cut-at-cursor)[2..-1]
        if string match -qr '^[a-z][a-z0-9-]*$' -- $word
            set -l words (string split -n ' ' -- (sed -n "s/^$word: *//p" $file))
            if contains -- @settings $words
                set words (string match -v @settings -- $words) (string split -n ' ' -- (sed -n 's/^@settings: *//p' $file))
            end
            printf '%s\n' $words
            return
        end
    end
end

complete --command just --arguments '(__yap_words)'
