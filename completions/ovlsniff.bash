# shellcheck shell=bash
# Completions of bash for ovlsniff: ovlsniff completions bash > /etc/bash_completion.d/ovlsniff
#
# The program itself knows the words and the names on this host. Where an answer is late or fails, there are none.

_ovlsniff() {
    local answer value rest prefix
    COMPREPLY=()
    while IFS= read -r answer; do
        value=${answer%%$'\t'*}
        case $value in
            :files | :folders)
                rest=${answer#*$'\t'}
                prefix=${rest%%$'\t'*}
                _ovlsniff_listed "${value#:}" "$prefix" "${2#"$prefix"}" "${rest#*$'\t'}"
                return
                ;;
        esac
        COMPREPLY+=("$value")
    done < <(OVLSNIFF_COMPLETE=bash command ovlsniff -- "$COMP_CWORD" "$2" "${COMP_WORDS[@]}" 2>/dev/null </dev/null)
    # A word that goes on has no blank behind it.
    if [ ${#COMPREPLY[@]} = 1 ] && [[ ${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}

# _ovlsniff_listed files|folders PREFIX NAME ENDINGS: completes the name of a file, of one with these endings if there is any.
_ovlsniff_listed() {
    local file ending
    local -a folders=() some=() all=()
    compopt -o filenames 2>/dev/null
    while IFS= read -r file; do folders+=("$2$file"); done < <(compgen -d -- "$3")
    if [ "$1" = files ]; then
        while IFS= read -r file; do
            [ ! -d "${file/#\~\//$HOME/}" ] || continue
            all+=("$2$file")
            for ending in $4; do
                if [[ $file == *."$ending" ]]; then some+=("$2$file"); break; fi
            done
        done < <(compgen -f -- "$3")
    fi
    [ ${#some[@]} -gt 0 ] || some=("${all[@]}")
    COMPREPLY=("${folders[@]}" "${some[@]}")
}

complete -F _ovlsniff ovlsniff
# A program by the name of ngrep may be a link to ovlsniff, or the real one.
if [ "$(type -P ngrep)" -ef "$(type -P ovlsniff)" ]; then complete -F _ovlsniff ngrep; fi
