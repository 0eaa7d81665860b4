# shellcheck shell=bash disable=SC2154 # a part of ./x, whose other files set $arch, $version, $revision, $inputs and $dist
# The list of what a build was made of. Where two builds of a commit have other sums, the difference of their lists says why.
# Versions that `x` names, such as those of cargo's tools, are in the commit.

# fetched PATTERN: prints the part in parentheses of the one file's name, such as a version of Debian.
fetched() { sed -n "s/^[0-9a-f]*  $1\$/\1/p" "$inputs/fetched"; }

make_inputs() {
    local compiler tool
    compiler=$(c_compiler)
    {
        printf 'commit %s\nSOURCE_DATE_EPOCH %s\n' "$revision" "$SOURCE_DATE_EPOCH"
        rustc --version --verbose | sed -n '1p; s/^LLVM version: /its LLVM /p'
        printf '%s\n' "$(cargo --version)" "$("$compiler" --version | head -n 1)" "$("${compiler%gcc}ld" --version | head -n 1)"
        for tool in flex bison python3 tar gzip; do "$tool" --version | head -n 1; done
        printf 'maintainer of the .deb: %s\n' "$(maintainer 2>/dev/null)"
        cat "$inputs/fetched"
    } > "$dist/ovlsniff-$version-linux-$arch.inputs"
}
