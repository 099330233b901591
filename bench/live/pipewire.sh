#!/usr/bin/env bash
# The painting as a camera of PipeWire, without a desktop: starts PipeWire, `impasto live --camera demo`, GStreamer as the camera, and a
# client that reads frames of it. Debian: pipewire wireplumber dbus gstreamer1.0-tools gstreamer1.0-pipewire gstreamer1.0-plugins-good.
#
#   bench/live/pipewire.sh [IMPASTO]
set -euo pipefail
impasto=${1:-$(dirname "$0")/../../target/release/impasto}
work=$(mktemp -d)
export XDG_RUNTIME_DIR=$work/run XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
mkdir -m 700 "$XDG_RUNTIME_DIR"
started=()
end() {
    kill "${started[@]}" 2> /dev/null || true
    wait 2> /dev/null || true
    rm -rf "$work"
}
trap end EXIT
begin() {
    "$@" > "$work/$(basename "$1").log" 2>&1 &
    started+=($!)
}

eval "$(dbus-launch --sh-syntax)"
started+=("$DBUS_SESSION_BUS_PID")
begin pipewire
sleep 1
begin wireplumber
"$impasto" live --camera demo --no-open --port 0 > "$work/url" 2> "$work/impasto.log" &
started+=($!)
for _ in $(seq 200); do [ -s "$work/url" ] && break; sleep 0.1; done
url=$(cat "$work/url")
stream=${url/\/?token=/\/stream.mjpg?token=}
# The words of docs/live.md.
begin gst-launch-1.0 souphttpsrc location="$stream" is-live=true ! multipartdemux ! jpegdec ! videoconvert \
    ! video/x-raw,format=BGRx ! pipewiresink mode=provide \
    stream-properties="p,media.class=Video/Source,media.role=Camera,node.name=impasto,node.description=Impasto"
for _ in $(seq 100); do pw-cli ls Node 2> /dev/null | grep -q '"impasto"' && break; sleep 0.2; done
pw-cli ls Node | grep -A12 -B4 '"impasto"' | grep -E 'media.class|node.(name|description)'
timeout 60 gst-launch-1.0 -q pipewiresrc target-object=impasto num-buffers=3 ! videoconvert ! video/x-raw,format=RGB \
    ! filesink location="$work/frames.rgb"
python3 - "$work/frames.rgb" <<'PY'
import sys
frames = open(sys.argv[1], "rb").read()
colours = len({frames[i : i + 3] for i in range(0, len(frames) - 3, 999)})
print(f"{len(frames)} bytes of frames, {colours} colours among every 333rd pixel")
sys.exit(0 if len(frames) > 100_000 and colours > 50 else 1)
PY
echo "ok: a client of PipeWire sees the painting"
