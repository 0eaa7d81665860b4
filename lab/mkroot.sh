#!/usr/bin/env bash
# Builds the file system that lab/swarm runs in: lab/mkroot.sh DIR. It is a Debian 12 with Docker and
# Prometheus, and holds an image for the services of the Swarm (nginx, curl, busybox). Needs root, debootstrap and busybox-static.
set -euo pipefail

root=$(realpath -m "$1")
debootstrap --variant=minbase \
    --include=docker.io,iproute2,iptables,curl,tcpdump,ngrep,kmod,iputils-ping,procps,nginx-light,libpcap0.8,prometheus,prometheus-node-exporter,jq bookworm "$root"
mkdir -p "$root/lib/modules" "$root/out"

image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
mkdir -p "$image"/{bin,etc/nginx,var/log/nginx,var/lib/nginx,run,tmp,proc,sys,dev,root,www,usr/sbin,usr/bin}
cp "$(command -v busybox)" "$image/bin/busybox"
for applet in sh ls cat ip ping wget sleep nslookup ps echo; do ln -s busybox "$image/bin/$applet"; done
cp "$root/usr/sbin/nginx" "$image/usr/sbin/"
cp "$root/usr/bin/curl" "$image/usr/bin/"
{
    chroot "$root" ldd /usr/sbin/nginx /usr/bin/curl | grep -oE '/[^ ]+\.so[^ ]*' | sort -u
    printf '%s\n' /lib/x86_64-linux-gnu/lib{nss_dns,nss_files,resolv}.so.2
} | while read -r library; do
    [ ! -e "$root$library" ] || { mkdir -p "$image$(dirname "$library")"; cp -L "$root$library" "$image$library"; }
done
cat > "$image/etc/nginx/nginx.conf" <<'NGINX'
daemon off; worker_processes 1; error_log /dev/stderr; pid /run/nginx.pid;
events { worker_connections 64; }
http { access_log off; server { listen 80; root /www; } }
NGINX
echo '<html><body>Hello from the overlay web service HTTP page</body></html>' > "$image/www/index.html"
printf 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' > "$image/etc/passwd"
printf 'root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n' > "$image/etc/group"
echo 'hosts: files dns' > "$image/etc/nsswitch.conf"
tar -C "$image" -c . > "$root/img.tar"
touch "$root/complete"
