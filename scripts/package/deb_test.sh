#!/usr/bin/env bash
# What the .deb has to do, in a minimal tree of Debian that is thrown away: deb_test.sh VERSION. Beside this file lie
# ovlsniff.deb and capture.pcap.
set -euxo pipefail
cd "$(dirname "$0")"
version=$1
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
ours() { find / -xdev -name '*ovlsniff*' -not -path '/proc/*' -not -path '/root/*' -not -path '/var/lib/apt/*' -not -path '/var/log/*' -not -path '/var/cache/man/*'; }
caps() { getcap /usr/bin/ovlsniff; }
# The capture is given on standard input, because the other users may not look into root's home.
# Runs a program as `nobody`, with one group. setpriv would execute it with root's capabilities, to which no mode is an obstacle.
with_group() { chroot --userspec=65534:"$1" --groups= / "${@:2}"; }
finds() { [ "$("$@" -qq -r - HTTP 'udp port 4789' < capture.pcap | wc -l)" = 2 ]; }

# It depends on nothing, so that dpkg alone installs it, and it works at once.
[ -z "$(ours)" ]
dpkg -i ovlsniff.deb
[ "$(ovlsniff --version)" = "ovlsniff $version" ]
finds ovlsniff
finds with_group 65534 ovlsniff

# Nobody but root may listen, until root says who.
apt-get update -q
apt-get install -y -q --no-install-recommends libcap2-bin systemd iproute2 man-db bash-completion zsh fish
[ -z "$(caps)" ]
addgroup --system ovlsniff 2>/dev/null || groupadd --system ovlsniff
dpkg-statoverride --update --add root ovlsniff 0750 /usr/bin/ovlsniff
dpkg-reconfigure ovlsniff
[[ $(caps) = *cap_net_admin,cap_net_raw=ep ]]
[ "$(stat -c '%U %G %a' /usr/bin/ovlsniff)" = "root ovlsniff 750" ]
finds with_group "$(getent group ovlsniff | cut -d: -f3)" ovlsniff
if with_group 65534 ovlsniff --version 2>/dev/null; then exit 1; fi
# An upgrade keeps that.
dpkg -i ovlsniff.deb
[[ $(caps) = *cap_net_admin,cap_net_raw=ep ]]
[ "$(stat -c '%U %G %a' /usr/bin/ovlsniff)" = "root ovlsniff 750" ]

# Each page is found by its name, and set without a warning. A minimal system may leave manuals out.
dpkg-deb --fsys-tarfile ovlsniff.deb | tar -xf - -C / ./usr/share/man ./usr/share/doc ./usr/share/bash-completion ./usr/share/zsh ./usr/share/fish
for page in ovlsniff ovlsniff-verify ovlsniff-overlay-up ovlsniff-man; do
    [ -z "$(man --warnings --encoding=UTF-8 "$page" 2>&1 >/dev/null)" ]
done
# bash loads the completion by the command's name.
bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader ovlsniff || __load_completion ovlsniff; complete -p ovlsniff'
zsh -fc 'autoload -U compinit && compinit -u -d /tmp/zcompdump && [ -n "${_comps[ovlsniff]}" ]'
fish -c 'complete -C "ovlsniff ver" | string match -q "verify*"'

# What parses packets in the unit's `verify` is a user of the package's own, in no group of others. Its network is thrown away.
[ "$(id -Gn _ovlsniff)" = _ovlsniff ]
(
    export VERIFY="--all --for 4s" REPORT=/root/report.prom
    exec unshare --net bash -c "ip link set lo up && ip link add vx0 type vxlan id 42 dev lo dstport 4789 && ip link set vx0 up
        exec $(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/ovlsniff-verify.service)"
) & verify=$!
sleep 2
[ "$(awk '/^Uid:/ { print $2, $3, $4 }' /proc/$verify/status)" = "$(id -u _ovlsniff) $(id -u _ovlsniff) $(id -u _ovlsniff)" ]
wait $verify || [ $? = 3 ] || [ $? = 4 ]
grep -q ovlsniff_verdict /root/report.prom

systemd-analyze verify /usr/lib/systemd/system/ovlsniff-*
[ -z "$(find /etc/systemd/system -name 'ovlsniff*')" ]
systemctl enable ovlsniff-overlay.service
[ -s /usr/share/doc/ovlsniff/copyright ]
[[ $(zcat /usr/share/doc/ovlsniff/changelog.gz) = *"## [$version]"* ]]

mkdir -p /var/lib/ovlsniff && touch /var/lib/ovlsniff/state
dpkg -r ovlsniff
[ ! -e /usr/bin/ovlsniff ]
[ -e /var/lib/ovlsniff/state ]
id _ovlsniff
dpkg -P ovlsniff
[ -z "$(getent passwd _ovlsniff)$(getent group _ovlsniff)" ]
groupdel ovlsniff
[ -z "$(ours)" ] || { ours; exit 1; }
echo "deb: as it should be"
