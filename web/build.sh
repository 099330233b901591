#!/usr/bin/env bash
# Builds the web page from source: the engine as WebAssembly in its four kinds, and the site around it.
#
#     web/build.sh                 all kinds, into web/dist
#     web/build.sh plain relaxed   only these: plain, relaxed, threads, threads-relaxed
#
# plain            simd128: every browser since 2023, one thread
# relaxed          with the fused multiply and add of relaxed SIMD (Chrome 114, Firefox 145)
# threads          with threads, for pages that are isolated (sw.js sees to that)
# threads-relaxed  both
#
# Needs node 20 and a Rust toolchain for wasm32-unknown-unknown. With rustup:
#     rustup target add wasm32-unknown-unknown     for `plain` and `relaxed`
#     rustup component add rust-src                for the kinds with threads, whose standard library is built here
# On Debian and Ubuntu without rustup (rustc 1.96 or later):
#     apt install rustc-web cargo-web rust-web-src lld
# Where the target's standard library is missing it is built from the sources. IMPASTO_WASM_LD names the linker where neither the
# toolchain's rust-lld nor wasm-ld is found. wasm-opt (binaryen 116 or later) makes the files smaller where it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

dist=web/dist build=${CARGO_TARGET_DIR:-target/web}
kinds=("$@")
[ $# -gt 0 ] || kinds=(plain relaxed threads threads-relaxed)
rustc=${RUSTC:-rustc}

sysroot=$("$rustc" --print sysroot)
has_std() { ls "$("$rustc" --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)"/libstd-* >/dev/null 2>&1; }
has_source() { [ -f "$sysroot/lib/rustlib/src/rust/library/std/Cargo.toml" ]; }

linker() {
    local own
    for own in "${IMPASTO_WASM_LD:-}" "$sysroot"/lib/rustlib/*/bin/rust-lld "$(command -v wasm-ld || true)" "$(command -v wasm-ld-19 || true)"; do
        [ -n "$own" ] && [ -x "$own" ] && { echo "$own"; return; }
    done
    echo "no linker for WebAssembly; install lld, or name one in IMPASTO_WASM_LD" >&2
    return 1
}

# The pages of memory stand in crates/impasto-web/src/page/engine.js too.
threads_flags='-C target-feature=+simd128,+atomics,+bulk-memory,+mutable-globals
    -C link-arg=--shared-memory -C link-arg=--import-memory -C link-arg=--initial-memory=4194304 -C link-arg=--max-memory=2147483648
    -C link-arg=--export=__stack_pointer -C link-arg=--export=__wasm_init_tls -C link-arg=--export=__tls_size'

wasm() {
    local kind=$1 flags='-C target-feature=+simd128' std=() features=()
    case $kind in
        plain | relaxed) has_std || std=(-Zbuild-std=std,panic_abort -Zbuild-std-features=) ;;
        threads | threads-relaxed) flags=$threads_flags std=(-Zbuild-std=std,panic_abort -Zbuild-std-features=) ;;
        *) echo "there is no kind $kind; take plain, relaxed, threads or threads-relaxed" >&2; return 2 ;;
    esac
    if [ ${#std[@]} -gt 0 ] && ! has_source; then
        echo "$kind needs the sources of the standard library: rustup component add rust-src (Debian: rust-web-src)" >&2
        return 1
    fi
    case $kind in *relaxed) features=(--features relaxed-simd) ;; esac
    # Building the standard library is not stable yet; the flag opens this door in the toolchain as it is.
    RUSTC_BOOTSTRAP=$([ ${#std[@]} -gt 0 ] && echo 1 || echo 0) RUSTFLAGS=$(echo $flags) CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(linker) \
        "${CARGO:-cargo}" build --release --locked --target wasm32-unknown-unknown --target-dir "$build" "${std[@]}" -p impasto-web "${features[@]}"
    local file=impasto
    [ "$kind" = plain ] || file=impasto-$kind
    cp "$build/wasm32-unknown-unknown/release/impasto_web.wasm" "$build/wasm/$file.wasm"
    if command -v wasm-opt >/dev/null && wasm-opt --help 2>&1 | grep -q enable-bulk-memory-opt; then
        wasm-opt -O3 --all-features "$build/wasm/$file.wasm" -o "$build/wasm/$file.wasm"
    fi
}

mkdir -p "$build/wasm"
for kind in "${kinds[@]}"; do wasm "$kind"; done
node web/site.mjs "$build/wasm" "$dist"


# The npm package: the same engine, without the page.
npm=web/dist-npm
rm -rf "$npm" && mkdir -p "$npm/files"
cp -r web/npm/. "$npm/"
cp "$dist"/{engine.js,worker.js,thread.js,light.safetensors,styles.pack} "$dist"/*.wasm "$npm/files/"
cp LICENSE-MIT "$npm/LICENSE-MIT.txt" && cp LICENSE-APACHE "$npm/LICENSE-APACHE.txt"
echo "the site is in $dist (any web server will do: python3 -m http.server -d $dist), the npm package in $npm"
