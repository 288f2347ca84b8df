# Completion for `just` in bash: recipes by just itself, words and flags of this project's recipes from flags.txt.
#
#     source tooling/completion/just.bash        (in ~/.bashrc with the whole path)
#
# In a directory that is not this project's, just completes as it always does.
if command -v just >/dev/null; then
    eval "$(JUST_COMPLETE=bash just 2>/dev/null)"
fi

# What may follow the recipe $1 here, in one line; nothing if this is no directory of the project.
_yap_words() {
    local root=$PWD file words
    while [[ ! -f $root/justfile && -n $root ]]; do
        root=${root%/*}
    done
    file=$root/tooling/completion/flags.txt
    [[ -f $file ]] || return
    words=$(sed -n "s/^$1: *//p" "$file")
    if [[ $words == *@settings* ]]; then
        words="${words/@settings/} $(sed -n 's/^@settings: *//p' "$file")"
    fi
    printf '%s\n' "$words"
}

_yap_just() {
    local current=${COMP_WORDS[COMP_CWORD]} recipe='' word words
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ $word =~ ^[a-z][a-z0-9-]*$ ]]; then
            recipe=$word
            break
        fi
    done
    words=''
    if [[ -n $recipe ]]; then
        words=$(_yap_words "$recipe")
    fi
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        # A path, where no word fits: a model is a directory too.
        [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default 2>/dev/null
    elif declare -F _clap_complete_just >/dev/null; then
        _clap_complete_just "$@"
    fi
}

complete -o bashdefault -F _yap_just just
