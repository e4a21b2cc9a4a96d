#!/bin/sh
# Makes the clips in media/ again, from nothing but arithmetic. The PDF is made by document.mjs, when
# the demo starts.
#
#   ./make-media.sh [folder]
#
# Needs ffmpeg (with libx264, libvpx-vp9, libopus and libmp3lame).
set -eu

media=${1:-$(cd "$(dirname "$0")" && pwd)/media}
mkdir -p "$media"

seconds=48

# A dive into the Mandelbrot set, in grey: each clip gives it its own palette.
dive="mandelbrot=size=960x540:rate=24:maxiter=1200
  :inner=black:outer=normalized_iteration_count
  :start_x=-0.743643887037158704752191506114774:start_y=0.131825904205311970493132056385139
  :start_scale=2.4:end_scale=0.0000004:end_pts=1200,
  hue=s=0,format=gray,gblur=sigma=1,format=yuv444p"

# The time, twice: as digits for people, and as eight squares for programs. The squares are the
# second in binary, highest bit first, white for 1. Square i of a 960x540 frame is 32 wide and high,
# with its corner at (40 + 40 * i, 32).
clock="drawbox=x=28:y=20:w=336:h=56:color=black:t=fill"
for bit in 7 6 5 4 3 2 1 0; do
  box="x=$((320 - 40 * bit)):y=32:w=32:h=32:t=fill"
  clock="$clock,drawbox=$box:color=0x202020"
  clock="$clock,drawbox=$box:color=white:enable='mod(floor(t/$((1 << bit))),2)'"
done
clock="$clock,drawtext=font='DejaVu Sans Mono':fontsize=32:fontcolor=white
  :box=1:boxcolor=black:boxborderw=12:x=932-12-tw:y=48-th/2:text='%{pts\\:hms}'"

# Plucked notes on a pentatonic scale (degree k is semitone floor(2.4 k)), four to the second.
pluck="0.3*exp(-5*mod(t,1/4))
  *sin(2*PI*220*pow(2,floor(2.4*mod(floor(4*t)*7+floor(t/2)*3,10))/12)*t)"
tune="aevalsrc='$pluck + 0.06*sin(2*PI*110*t) + 0.04*sin(2*PI*165*t)
  ':channel_layout=mono:sample_rate=48000:duration=$seconds,
  aecho=0.8:0.7:180|320:0.35|0.2,afade=t=in:d=0.5,afade=t=out:st=$((seconds - 2)):d=2"

ffmpeg -v error -y -f lavfi -i "$dive" -f lavfi -i "$tune" -filter_complex "
    [0:v]split[warm][cool];
    [warm]pseudocolor=preset=magma,$clock,format=yuv420p[mp4];
    [cool]pseudocolor=preset=viridis,$clock,scale=640:360,format=yuv420p[webm];
    [1:a]asplit=3[aac][opus][mp3]" \
  -map '[mp4]' -map '[aac]' -t $seconds -map_metadata -1 \
    -metadata title='Dive (moov at the end)' \
    -c:v libx264 -preset slow -crf 35 -g 48 -c:a aac -b:a 64k "$media/dive.mp4" \
  -map '[webm]' -map '[opus]' -t $seconds -map_metadata -1 \
    -metadata title='Dive, the other palette' \
    -c:v libvpx-vp9 -crf 43 -b:v 0 -g 48 -deadline good -cpu-used 4 -row-mt 1 \
    -c:a libopus -b:a 48k "$media/dive.webm" \
  -map '[mp3]' -t $seconds -map_metadata -1 -metadata title='Plucked' \
    -c:a libmp3lame -b:a 96k "$media/plucked.mp3"

# FFmpeg writes the moov box last unless it is told otherwise (-movflags +faststart), and that is
# what we want here: a player has to request the tail of the file before it can show anything.

ls -l "$media"
