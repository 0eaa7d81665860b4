# Completions of Elvish for ovlsniff: ovlsniff completions elvish >> ~/.config/elvish/rc.elv
#
# The program itself knows the words and the names on this host. Where an answer is late or fails, there are none.

use str

set edit:completion:arg-completer[ovlsniff] = {|@words|
  try {
    each {|answer|
      var value what @_ = (str:split "\t" $answer"\t")
      if (or (eq $value ':files') (eq $value ':folders')) {
        edit:complete-filename $@words
      } elif (eq $what '') {
        put $value
      } else {
        edit:complex-candidate $value &display=$value' ('$what')'
      }
    } [(env OVLSNIFF_COMPLETE=elvish ovlsniff -- (to-string (- (count $words) 1)) $words[-1] $@words 2>/dev/null </dev/null | from-lines)]
  } catch _ { }
}
