#!/usr/bin/env bash
# Runs a test program on an emulated CPU that has AVX-512 (with VBMI, VNNI and BF16), for machines whose own CPU
# has not. The emulator is Bochs 3.0: a hundred times slower than a CPU, so give a filter.
#
#   tools/test_on_emulated_cpu.sh BUILD_FOLDER TEST_PROGRAM [FILTER]
#
#   tools/test_on_emulated_cpu.sh build/dev kolosal_kernel_test '-MachineMeasurements.*'
#   tools/test_on_emulated_cpu.sh build/dev kolosal_infer_test '*PackedForest*'
#
# TEST_PROGRAM is in BUILD_FOLDER/bin. The exit code is that of the program in the emulated machine; 125 if it
# did not get to its end. For Debian on x86-64; as root if one of the packages to be installed is missing (the
# emulator and its kernel are only unpacked). Environment, all optional:
#
#   BOCHS_CPU          corei7_skylake_x (AVX-512 without VBMI, VNNI), corei3_cnl (VBMI), corei7_icelake_u (VNNI),
#                      sapphire_rapids (also BF16, the default), corei7_haswell_4770 (AVX2)
#   BOCHS_RAM_MB       1536
#   BOCHS_SECONDS      of this machine, after which the run ends: 14400
#   BOCHS_PREFIX       of the emulator's command: "nice"
#   BOCHS_PACKAGES     a folder that keeps the downloaded packages for the next run
#   BOCHS_LIBRARIES    0 leaves out BUILD_FOLDER/lib, whose libraries tests load only while they run
#   BOCHS_ARGUMENTS    instead of --gtest_filter=FILTER, for a program that is no test: "info --hardware"
#   KOLOSAL_TEST_FILES tests/data of this project
#
# What the emulator does not have right: functions of long double (x87 logarithms and powers are those of
# double), so tests that compare with them fail at every level, KOLOSAL_CPU=baseline too.
set -euo pipefail

if [[ $# -lt 2 || $# -gt 3 ]]; then
  sed -n '2,/^set/{/^set/d;s/^# \?//;p}' "$0" >&2
  exit 2
fi
build=$(realpath "$1")
program=$build/bin/$2
arguments=${BOCHS_ARGUMENTS:---gtest_color=no --gtest_filter=${3:-*}}
cpu=${BOCHS_CPU:-sapphire_rapids}
ram=${BOCHS_RAM_MB:-1536}
data=${KOLOSAL_TEST_FILES:-$(dirname "$(realpath "$0")")/../tests/data}
[[ -x $program ]] || { echo "no program $program" >&2; exit 2; }
[[ -d $data ]] || { echo "no folder $data: set KOLOSAL_TEST_FILES" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- packages -------------------------------------------------------------------------------------------------
missing=()
for package in xorriso cpio binutils; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
done
[[ ${#missing[@]} -eq 0 ]] ||
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2

# Bochs 2.7 of Debian 12 tells Linux wrong sizes of AVX-512 registers, and Linux then switches AVX off. That of
# Debian 13 is unpacked here with its own C library. The kernel is a small one, for clouds. apt checks what it
# downloads by the signature of the archive; versions are those of the day.
packages=${BOCHS_PACKAGES:-$work/packages}
if [[ ! -e $packages/complete ]]; then
  mkdir -p "$packages"/{lists/partial,cache/archives/partial,files}
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
  [[ -n $mirror ]] || { echo "apt knows no mirror of Debian 12" >&2; exit 2; }
  for release in bookworm trixie; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main"
  done > "$packages/sources.list"
  own=(-qq -o "Dir::Etc::SourceList=$packages/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$packages/lists" -o "Dir::Cache=$packages/cache" -o APT::Sandbox::User=root)
  apt-get "${own[@]}" update
  kernel=$(apt-cache "${own[@]}" search --names-only '^linux-image-6\.1\..*-cloud-amd64-unsigned$' |
    cut -d ' ' -f 1 | sort -V | tail -n 1)
  [[ -n $kernel ]] || { echo "no package of a kernel" >&2; exit 2; }
  (cd "$packages/files" && apt-get "${own[@]}" download "$kernel" {bochs,bochs-term,bochsbios,vgabios}/trixie \
    {libc6,libstdc++6,libgcc-s1,libltdl7,libreadline8t64,libtinfo6,libncurses6,libasound2t64,libsamplerate0}/trixie \
    {isolinux,syslinux-common,busybox-static}/trixie)
  for file in "$packages"/files/*.deb; do dpkg-deb -x "$file" "$packages/root"; done
  touch "$packages/complete"
fi
unpacked=$packages/root
libraries=$unpacked/usr/lib/x86_64-linux-gnu

# --- what the emulated machine has in its memory ----------------------------------------------------------------
root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,tmp,test/bin,test/lib,lib64}
cp "$(find "$unpacked" -path '*/bin/busybox')" "$root/bin/busybox"
cp -r "$data" "$root/test/data"
cp "$program" "$root/test/bin/"
# The loader with its path, the libraries in one folder.
ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
  if [[ $library == /lib64/* ]]; then cp -L "$library" "$root$library"; else cp -L "$library" "$root/test/lib/"; fi
done
if [[ ${BOCHS_LIBRARIES:-1} != 0 && -d $build/lib ]]; then
  for library in "$build"/lib/*.so*; do
    cp -L "$library" "$root/test/lib/"
    ldd "$library" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | xargs -r cp -L -n -t "$root/test/lib/"
  done
  ln -s test/lib "$root/lib"
fi
find "$root/test/bin" "$root/test/lib" -type f -exec strip --strip-unneeded {} +
# A file that has several names is stored once.
declare -A stored=()
while read -r sum file; do
  if [[ -n ${stored[$sum]:-} ]]; then ln -sf "$(basename "${stored[$sum]}")" "$file"; else stored[$sum]=$file; fi
done < <(find "$root/test/lib" -type f -exec sha256sum {} +)

printf '%s' "$arguments" > "$root/test/arguments"
cat > "$root/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mkdir -p /tmp/home
exec </dev/null >/dev/ttyS0 2>&1
ip link set lo up
grep -m 1 'model name' /proc/cpuinfo
grep -m 1 '^flags' /proc/cpuinfo
export PATH=/bin HOME=/tmp/home KOLOSAL_HOME=/tmp/home KOLOSAL_TEST_FILES=/test/data OMP_WAIT_POLICY=passive
export LD_LIBRARY_PATH=/test/lib
cd /tmp
set -f
/test/bin/$2 \$(cat /test/arguments)
echo "exit code of the program: \$?"
sleep 3  # the serial port is slow
poweroff -f
INIT
chmod +x "$root/init"

# --- a CD that boots it -------------------------------------------------------------------------------------------
# Linux on these CPUs stops early in the emulator if it uses what is left out by `clearcpuid` (of a CPU that has it).
mkdir -p "$work/cd/isolinux"
cp "$unpacked"/boot/vmlinuz-* "$work/cd/kernel"
(cd "$root" && find . | cpio -o -H newc --quiet) > "$work/cd/memory"
cp "$unpacked/usr/lib/ISOLINUX/isolinux.bin" "$unpacked/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/cd/isolinux/"
cat > "$work/cd/isolinux/isolinux.cfg" <<'CFG'
default test
prompt 0
label test
  linux /kernel
  initrd /memory
  append console=ttyS0,115200 quiet mitigations=off nokaslr tsc=reliable clocksource=tsc random.trust_cpu=on panic=-1 clearcpuid=fsrm,erms,umip,rdpid,sha_ni nopcid noinvpcid
CFG
xorriso -as mkisofs -quiet -o "$work/cd.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
  -boot-load-size 4 -boot-info-table "$work/cd" 2> "$work/xorriso" || { cat "$work/xorriso" >&2; exit 2; }

# --- the emulator ---------------------------------------------------------------------------------------------------
# `ips` makes the emulated clock slower than this machine's: what a test waits for takes about as many
# instructions as on a real CPU. Linux does not agree with the sizes that Bochs gives for what is left out.
leave_out=pku
[[ $cpu != sapphire_rapids && $cpu != arrow_lake ]] || leave_out='pku amx amx_int8 amx_bf16 la57 cet uintr'
cat > "$work/bochsrc" <<CONFIG
plugin_ctrl: unmapped=true, biosdev=true, serial=true
display_library: term
cpu: model=$cpu, count=1, ips=500000000, reset_on_triple_fault=0, exclude_features="$leave_out"
memory: guest=$ram, host=$ram
romimage: file=$unpacked/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=$unpacked/usr/share/bochs/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/cd.iso, status=inserted
boot: cdrom
clock: sync=none, time0=local
com1: enabled=1, mode=file, dev=$work/serial
log: $work/log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
CONFIG

: > "$work/serial"
read -ra prefix <<< "${BOCHS_PREFIX:-}"
# It does not end by SIGTERM.
TERM=vt100 LTDL_LIBRARY_PATH=$libraries/bochs/plugins BXSHARE=$unpacked/usr/share/bochs \
  timeout -s KILL "${BOCHS_SECONDS:-14400}" "${prefix[@]}" \
  "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$unpacked/usr/bin/bochs-bin" \
  -q -f "$work/bochsrc" < /dev/null > "$work/screen" 2>&1 &
emulator=$!
trap 'kill -KILL $emulator 2>/dev/null || true; rm -rf "$work"' EXIT
tail -n +1 -s 0.5 -f --pid=$emulator "$work/serial" | tr -d '\r'
wait $emulator || true

code=$(tr -d '\r' < "$work/serial" | sed -n 's/^exit code of the program: //p')
if [[ -z $code ]]; then
  echo "the emulated machine did not get to the end of the program; its last words:" >&2
  tail -n 20 "$work/screen" "$work/log" >&2
  exit 125
fi
if grep -q 'PASSED  \] 0 tests' "$work/serial"; then
  echo "no test matches the filter" >&2
  exit 2
fi
exit "$code"
