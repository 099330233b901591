#!/bin/sh
# Runs cameras of Linux and the virtual camera against real drivers, in a small virtual machine: vivid plays a camera,
# v4l2loopback the virtual one. It prints `ok …` lines and leaves pictures in target/v4l2/out; look at them.
#
# usage: bench/v4l2/run.sh [IMPASTO]       by default target/release/impasto
#
# For Debian 12 on x86-64, no root, no KVM. Needs apt-get and these packages:
#   qemu-system-x86 busybox-static cpio xz-utils gcc-12 make libelf1 v4l-utils
# It downloads a kernel, its headers and v4l2loopback's source from Debian and builds that module.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
impasto=$(realpath "${1:-$root/target/release/impasto}")
work=$root/target/v4l2
for tool in qemu-system-x86_64 busybox cpio xz gcc-12 make v4l2-ctl apt-get dpkg "$impasto"; do
    command -v "$tool" > /dev/null || { echo "$0: $tool is missing" >&2; exit 1; }
done
mkdir -p "$work/deb"
cd "$work"

# 1. A kernel, and the module for it.
if [ ! -d system ]; then
    kernel=$(apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-amd64$' | sort -V | tail -1 | cut -d' ' -f1)
    release=${kernel#linux-image-}
    (cd deb && apt-get download -qq "$kernel" "linux-headers-$release" "linux-headers-${release%-amd64}-common" \
        linux-kbuild-6.1 v4l2loopback-dkms)
    for package in deb/*.deb; do dpkg -x "$package" system.part; done
    sed -i "s#^include /usr#include $work/system/usr#" system.part/usr/src/linux-headers-*-amd64/Makefile
    mv system.part system
fi
release=$(ls system/lib/modules)
loopback=$(echo system/usr/src/v4l2loopback-*)
make -s -C "system/usr/src/linux-headers-$release" M="$work/$loopback" modules

# 2. What the machine starts with: busybox, modules, impasto and v4l2-ctl with their libraries, and init. The model is the
#    smallest there is, since an emulated processor is slow.
[ -f colours.safetensors ] || (cd "$root" && cargo run -q --release --locked -p impasto-core --example colours -- "$work/colours.safetensors")
rm -rf initramfs out
mkdir -p initramfs/bin initramfs/modules initramfs/proc initramfs/sys initramfs/dev initramfs/out initramfs/tmp out
cp "$(command -v busybox)" initramfs/bin/busybox
for program in "$impasto" "$(command -v v4l2-ctl)"; do
    cp "$program" initramfs/bin/"$(basename "$program" | sed 's/^impasto.*/impasto/')"
    ldd "$program" | grep -o '/[^ ]*' | sort -u | xargs -I{} cp --parents -L {} initramfs
done
modules="mc videodev videobuf2-common videobuf2-v4l2 videobuf2-memops videobuf2-vmalloc videobuf2-dma-contig
    v4l2-tpg v4l2-dv-timings rc-core cec vivid"
for module in $modules; do
    cp "$(find "system/lib/modules/$release" -name "$module.ko")" initramfs/modules/
    echo "$module" >> initramfs/modules/order
done
cp "$loopback/v4l2loopback.ko" initramfs/modules/
cp colours.safetensors "$root/docs/img/demo.jpg" initramfs/
install -m 755 "$here/init.sh" initramfs/init
(cd initramfs && find . | cpio --quiet -o -H newc) | gzip -1 > initramfs.gz

# 3. The machine itself. Its clock counts instructions (2 ns each) instead of time, so that it is patient on a busy computer.
#    Its first serial port is this terminal, pictures come out of the second.
timeout 1500 nice -n "${NICE:-5}" qemu-system-x86_64 -accel tcg -cpu max -m 1024 -icount shift=1,sleep=off \
    -display none -no-reboot -nodefaults \
    -kernel "system/boot/vmlinuz-$release" -initrd initramfs.gz -append "console=ttyS0 quiet panic=-1 no_timer_check" \
    -serial stdio -serial file:out/pictures.tar < /dev/null | tee out/log
tar -xf out/pictures.tar -C out || echo "no pictures came" >&2
if grep -q '^all ok' out/log; then exit 0; fi
echo "FAILED; see $work/out/log" >&2
exit 1
