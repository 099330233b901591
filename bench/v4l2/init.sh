#!/bin/busybox sh
# The first and only program of the virtual machine that run.sh starts: makes cameras, tries impasto on them, ends.
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mkdir -p /dev/shm
ip link set lo up
failed=0

ok() { echo "ok $*"; }
bad() {
    echo "FAILED $*"
    failed=1
}
finish() {
    stty -F /dev/ttyS1 raw
    tar -C /out -cf /dev/ttyS1 .
    [ $failed = 0 ] && echo "all ok"
    sync
    poweroff -f
}
# until_true SECONDS WORDS COMMAND...: waits until the command succeeds.
until_true() {
    seconds=$1 words=$2
    shift 2
    start=$(date +%s)
    while [ $(($(date +%s) - start)) -lt "$seconds" ]; do
        if "$@" > /dev/null 2>&1; then
            ok "$words (after $(($(date +%s) - start)) s)"
            return 0
        fi
        sleep 0.2
    done
    bad "$words: not within $seconds s"
    return 1
}
get() { wget -q -O - --header 'x-impasto-token: vm00' "http://127.0.0.1:$1$2"; }
post() { wget -q -O - --header 'x-impasto-token: vm00' --header 'content-type: application/json' --post-data "$3" "http://127.0.0.1:$1$2"; }
painted() { get "$1" /api/stats | grep -o '"frames_painted":[0-9]*' | cut -d: -f2; }
more() { [ "$(painted "$1")" -gt "$2" ]; }
tells() { get "$1" /api/state | grep -o '"camera":{[^}]*}' | grep -q "$2"; }
live() {
    port=$1
    shift
    impasto live --model /colours.safetensors --style /demo.jpg --port "$port" --token vm00 --no-open "$@" > "/tmp/live-$port" 2>&1 &
    echo $! > "/tmp/pid-$port"
    until_true 180 "impasto live $*" get "$port" /api/state || cat "/tmp/live-$port"
}

# shellcheck disable=SC2013
for module in $(cat /modules/order); do
    case $module in
    vivid) insmod /modules/vivid.ko n_devs=1 node_types=0x1 num_inputs=1 input_types=0x0 ;;
    *) insmod "/modules/$module.ko" ;;
    esac || bad "insmod $module"
done
insmod /modules/v4l2loopback.ko video_nr=9 exclusive_caps=1 card_label=Impasto || bad "insmod v4l2loopback"
for node in /sys/class/video4linux/*; do echo "   ${node##*/}: $(cat "$node/name")"; done
camera=$(basename "$(grep -l vivid /sys/class/video4linux/*/name | head -1 | xargs dirname)")

# A camera by number, painted, and written to the virtual camera.
live 7001 --camera "${camera#video}" --camera-size 320x180 --virtual-camera /dev/video9
until_true 120 "$camera is painted" more 7001 5
get 7001 /api/snapshot.png > /out/1-camera-painted.png
get 7001 /api/stats > /out/1-stats.json
post 7001 /api/settings '{"styles": []}' > /dev/null
count=$(painted 7001)
until_true 60 "without a style the camera is shown as it is" more 7001 $((count + 3))
get 7001 /api/snapshot.png > /out/2-camera-as-it-is.png

# What another program sees of the virtual camera.
v4l2-ctl -d /dev/video9 --get-fmt-video | grep -E 'Width|Pixel' | sed 's/^[ \t]*/   /'
v4l2-ctl -d /dev/video9 --stream-mmap --stream-count=3 --stream-to=/tmp/raw > /dev/null 2>&1
if [ "$(wc -c < /tmp/raw)" = $((3 * 320 * 180 * 2)) ]; then ok "v4l2-ctl reads 3 pictures from the virtual camera"; else
    bad "v4l2-ctl has read $(wc -c < /tmp/raw) bytes"
fi
live 7002 --camera /dev/video9
(wget -q -O /dev/null "http://127.0.0.1:7002/stream.mjpg?token=vm00" || true) &
post 7002 /api/settings '{"styles": []}' > /dev/null
until_true 120 "impasto reads the virtual camera too" more 7002 3
get 7002 /api/snapshot.png > /out/3-virtual-camera.png

# The cable is pulled, and put in again.
count=$(painted 7001)
echo vivid.0 > /sys/bus/platform/drivers/vivid/unbind
until_true 60 "the page says that the camera is gone" tells 7001 'is gone\|there is no'
get 7001 /api/state | grep -o '"camera":{[^}]*}' | sed 's/^/   /'
sleep 3
count=$(painted 7001)
echo vivid.0 > /sys/bus/platform/drivers/vivid/bind
until_true 60 "it comes back by itself" more 7001 $((count + 3))
until_true 60 "and nothing is complained of" tells 7001 '"error":null'

# A camera that gives another size from one moment to the next: the virtual one, written by another run.
kill -INT "$(cat /tmp/pid-7001)"
until_true 60 "a camera that falls silent is told" tells 7002 'no picture'
refused() {
    timeout 20 impasto live --model /colours.safetensors --camera demo --no-open --port 0 --virtual-camera /dev/video9 > /tmp/refused 2>&1
    grep -q "load its module again" /tmp/refused
}
until_true 60 "a loopback device that is stuck is told" refused
until_true 60 "its module is loaded again" sh -c "rmmod v4l2loopback && insmod /modules/v4l2loopback.ko video_nr=9 exclusive_caps=1"
live 7003 --camera "${camera#video}" --camera-size 640x360 --virtual-camera /dev/video9
wide() { get 7002 /api/snapshot.png > /tmp/now.png && [ "$(hexdump -s 16 -n 4 -e '4/1 "%02x"' /tmp/now.png)" = 00000280 ]; }
until_true 40 "its new size is taken, 640 px wide" wide || {
    get 7002 /api/state | grep -o '"camera":{[^}]*}'
    get 7003 /api/stats
    hexdump -n 32 /tmp/now.png
    v4l2-ctl -d /dev/video9 --all | head -30
    cat /tmp/live-7002 /tmp/live-7003
}
cp /tmp/now.png /out/4-another-size.png

# Words for what is not there.
live 7004 --camera uvc:0
until_true 60 "uvc:0 is told to be missing" tells 7004 'no USB camera 0'
live 7005 --camera 33
until_true 60 "number 33 is told to be missing, with those that are there" tells 7005 'there is no /dev/video33.*vivid'
if impasto live --model /colours.safetensors --camera demo --no-open --port 0 --virtual-camera "/dev/$camera" > /tmp/refused 2>&1; then
    bad "a camera was taken for a virtual one"
elif grep -q modprobe /tmp/refused; then ok "a camera is not taken for a virtual one"; else bad "$(cat /tmp/refused)"; fi

# Ctrl-C ends at once.
# shellcheck disable=SC2046
kill -INT $(cat /tmp/pid-*) 2> /dev/null
gone() { ! kill -0 $(cat /tmp/pid-*); }
until_true 60 "Ctrl-C ends all of them" gone
cat /tmp/live-7001 > /out/live-7001.log
finish
