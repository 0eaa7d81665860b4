# shellcheck shell=bash disable=SC2154 # a part of ./x, which sets $rust_found
# The static program: Rust's library, musl and libpcap in one file, which runs on any Linux of its architecture.
#
# Nothing comes prebuilt from elsewhere than Debian. musl, the kernel's headers and the source of libpcap are those of one
# suite of Debian, whatever this machine runs, and are verified with its keyring. libpcap is compiled for musl. Rust's
# library is compiled from its source (`-Zbuild-std`), because distributions ship it for glibc only; the compiler has to
# be of the same release as that source, so the two are taken from one installation.

# The suite that musl and libpcap are taken from.
inputs_suite=trixie

# This machine's own architecture, or the one that is made elsewhere.
this_arch() { if [ "$(uname -m)" = aarch64 ]; then echo arm64; else echo amd64; fi; }

# Sets $arch (Debian's word), $machine (the kernel's) and $triple (Rust's).
use_arch() {
    case $1 in
        amd64) arch=amd64 machine=x86_64 ;;
        arm64) arch=arm64 machine=aarch64 ;;
        *) die "package: the architectures are amd64 and arm64, not $1" ;;
    esac
    triple=$machine-unknown-linux-musl
}

# True if a directory's cargo and rustc are new enough and have the source of Rust's library beside them.
rust_with_source() {
    local version sysroot
    version=$(rust_in "$1") && at_least "$rust_version" "$version" || return 1
    sysroot=$("$1/rustc" --print sysroot) && [ -e "$sysroot/lib/rustlib/src/rust/library/std/Cargo.toml" ]
}

# Puts a cargo first in PATH that has the source of Rust's library: the one that builds everything else, or the system's.
use_rust_with_source() {
    local dir
    use_cargo || return 1
    for dir in "$(dirname "$(command -v cargo)")" /usr/bin /usr/lib/rust-*/bin; do
        if rust_with_source "$dir"; then
            export PATH="$dir:$PATH"
            return 0
        fi
    done
    return 1
}

# Prints the packages that bring a Rust with the source of its library.
rust_source_packages() {
    local package
    for package in $(rust_packages build); do
        echo "$package"
        case $package in
            rustc) echo rust-src ;;
            rustc-web) echo rust-web-src ;;
            rustc-*) echo "rust-${package#rustc-}-src" ;;
        esac
    done
}

# The C compiler and binutils of the wanted architecture: this machine's own, or Debian's cross compiler.
c_compiler() {
    if [ "$(uname -m)" = "$machine" ]; then echo gcc; else echo "$machine-linux-gnu-gcc"; fi
}

# Unpacks musl, the kernel's headers and libpcap's source into $inputs, once.
fetch_inputs() {
    inputs=$work/inputs-$arch
    [ ! -e "$inputs/fetched" ] || return 0
    say "-- musl, the kernel's headers and libpcap's source, of $inputs_suite"
    rm -rf "$inputs"
    OVLSNIFF_LAB_CACHE=$work/cache OVLSNIFF_FETCH_ARCH=$arch lab/kernels/fetch "$inputs" "$inputs_suite" musl-dev linux-libc-dev src:libpcap > "$work/fetch.log" 2>&1 ||
        die "package: $(tail -n 1 "$work/fetch.log")"
}

# Makes $musl: a C compiler for musl, libpcap.a, and an unwinder.
build_inputs() {
    local compiler source
    musl=$work/musl-$arch
    [ ! -e "$musl/libpcap.a" ] || return 0
    compiler=$(c_compiler)
    rm -rf "$musl" && mkdir -p "$musl/headers"
    ln -s "$inputs/usr/include/linux" "$inputs/usr/include/asm-generic" "$inputs/usr/include/$machine-linux-gnu/asm" "$musl/headers/"
    # musl's own start files, because the compiler's are glibc's. `rcrt1.o` is the one of a static program that may be loaded
    # at any address.
    cat > "$musl/cc" <<CC
#!/bin/sh
lib=$inputs/usr/lib/$machine-linux-musl
case " \$* " in *" -c "* | *" -E "* | *" -S "*)
    exec $compiler -nostdinc -isystem "$inputs/usr/include/$machine-linux-musl" -isystem "\$($compiler -print-file-name=include)" -isystem "$musl/headers" "\$@" ;;
esac
exec $compiler -static-pie -nostartfiles "\$lib/rcrt1.o" "\$lib/crti.o" "\$($compiler -print-file-name=crtbeginS.o)" \\
    -nodefaultlibs -isystem "$inputs/usr/include/$machine-linux-musl" "\$@" -L"$musl" -L"\$lib" -Wl,--start-group -lc -lgcc -Wl,--end-group \\
    "\$($compiler -print-file-name=crtendS.o)" "\$lib/crtn.o"
CC
    chmod +x "$musl/cc"
    cp "$("$compiler" -print-file-name=libgcc_eh.a)" "$musl/libunwind.a"
    "$musl/cc" -O2 -fPIC -c scripts/package/find_object.c -o "$musl/find_object.o"
    "${compiler%gcc}ar" rD "$musl/libunwind.a" "$musl/find_object.o" 2>/dev/null
    source=$work/libpcap-$arch
    say "-- libpcap $(cat "$inputs/libpcap/VERSION")"
    rm -rf "$source" && cp -a "$inputs/libpcap" "$source"
    # Without what asks other libraries and other devices than network interfaces.
    (cd "$source" && CC="$musl/cc" CFLAGS="-O2 -ffile-prefix-map=$source=libpcap" ./configure --host="$machine-linux-musl" --with-pcap=linux --disable-shared \
        --without-libnl --disable-dbus --disable-bluetooth --disable-usb --disable-rdma --disable-netmap --without-dag --without-snf &&
        make -j"$(nproc)" libpcap.a AR="${compiler%gcc}ar" RANLIB="${compiler%gcc}ranlib" ARFLAGS=rcD) > "$work/libpcap.log" 2>&1 || die "package: libpcap cannot be built: $work/libpcap.log"
    cp "$source/libpcap.a" "$musl/"
}

# Builds the program as $static, without symbols. Nothing of this machine's paths gets into it.
build_static() { # [PROFILE]
    local profile=${1:-release} folder library upper env=${triple//-/_} tree=$PWD
    folder=$profile; [ "$profile" != dev ] || folder=debug
    fetch_inputs
    build_inputs
    library=$(realpath "$(rustc --print sysroot)/lib/rustlib/src/rust")
    upper=${env^^}
    # The build fetches the crates of its own target only. The licences and the SBOM are made from the list of all.
    cargo fetch --quiet --locked || die "package: the crates cannot be fetched"
    say "-- the program for $triple, by Rust $(rustc --version | cut -d' ' -f2)"
    (
        unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL "${!CARGO_PROFILE_RELEASE_@}"
        export RUSTC_BOOTSTRAP=1 LIBPCAP_LIBDIR="$musl" LIBPCAP_VER SOURCE_DATE_EPOCH CARGO_TARGET_DIR="$work/target"
        LIBPCAP_VER=$(cat "$inputs/libpcap/VERSION")
        export "CC_$env=$musl/cc" "AR_$env=$(c_compiler | sed 's/gcc$/ar/')" "CFLAGS_$env=-ffile-prefix-map=${CARGO_HOME:-$HOME/.cargo}=/cargo -ffile-prefix-map=$work=/target"
        export "CARGO_TARGET_${upper}_LINKER=$musl/cc"
        export "CARGO_TARGET_${upper}_RUSTFLAGS=-Clinker-flavor=gcc -Clink-self-contained=no -Ctarget-feature=+crt-static --remap-path-prefix=$tree=/ovlsniff --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$library=/rust"
        cargo build --locked --profile "$profile" -Zbuild-std=std,panic_abort --target "$triple" --bin ovlsniff
    ) || die "package: the static program cannot be built"
    static=$work/ovlsniff-$arch
    "$(c_compiler | sed 's/gcc$/strip/')" --strip-all -o "$static" "$work/target/$triple/$folder/ovlsniff"
}
