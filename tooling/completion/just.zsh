# Completion for `just` in zsh: recipes by just itself, words and flags of this project's recipes from flags.txt.
#
#     source tooling/completion/just.zsh         (in ~/.zshrc with the whole path, after compinit)
#
# In a directory that is not this project's, just completes as it always does.
if (( $+commands[just] )); then
    eval "$(JUST_COMPLETE=zsh just 2>/dev/null)"
fi

_yap_just() {
    local recipe file root=$PWD word
    local -a choices
    for word in "${(@)words[2,CURRENT-1]}"; do
        if [[ $word =~ '^[a-z][a-z0-9-]*$' ]]; then
            recipe=$word
            break
        fi
    done
    while [[ ! -f $root/justfile && -n $root ]]; do
        root=${root%/*}
    done
    file=$root/tooling/completion/flags.txt
    if [[ -n $recipe && -f $file ]]; then
        choices=(${=$(sed -n "s/^$recipe: *//p" $file)})
        if (( ${choices[(I)@settings]} )); then
            choices=(${choices:#@settings} ${=$(sed -n 's/^@settings: *//p' $file)})
        fi
    fi
    if (( $#choices )); then
        compadd -- $choices || _files
    elif (( $+functions[_clap_dynamic_completer_just] )); then
        _clap_dynamic_completer_just "$@"
    fi
}

compdef _yap_just just
