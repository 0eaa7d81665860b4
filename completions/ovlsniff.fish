# Completions of fish for ovlsniff: ovlsniff completions fish > ~/.config/fish/completions/ovlsniff.fish
#
# The program itself knows the words and the names on this host. Where an answer is late or fails, there are none.

function __ovlsniff_complete
    set -l typed (commandline --current-token --cut-at-cursor)
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    for answer in (OVLSNIFF_COMPLETE=fish command ovlsniff -- (count $words) "$typed" $words 2>/dev/null </dev/null)
        set -l parts (string split \t -- $answer)
        switch $parts[1]
            case :files :folders
                __ovlsniff_listed $parts[1] "$parts[2]" "$typed" (string split -n ' ' -- $parts[3])
            case '*'
                echo $answer
        end
    end
end

# __ovlsniff_listed :files|:folders PREFIX TYPED ENDING…: completes the name of a file, of those with these endings before others.
function __ovlsniff_listed
    set -l prefix $argv[2]
    set -l name (string sub --start (math (string length -- "$prefix") + 1) -- $argv[3])
    set -l all (complete --do-complete "'' $name")
    set -l first
    for ending in $argv[4..]
        set -a first (string match -- "*.$ending" $all)
    end
    set -l folders (string match -- '*/' $all)
    if test $argv[1] = :folders
        set all
    end
    for file in $first $folders $all
        echo "$prefix$file"
    end
end

complete --command ovlsniff --no-files --keep-order --arguments '(__ovlsniff_complete)'
# A program by the name of ngrep may be a link to ovlsniff, or the real one.
if command --query ngrep; and test (realpath (command --search ngrep)) = (realpath (command --search ovlsniff) 2>/dev/null)
    complete --command ngrep --no-files --keep-order --arguments '(__ovlsniff_complete)'
end
