#!/bin/bash
# packages.sh - installs the Debian packages that are missing, and nothing that keeps running.
#
# usage: examples/packages.sh run     to build the plugin and run the demonstration
#        examples/packages.sh test    what the tests need besides
#
# As root or with sudo; asks for neither when nothing is missing. No broker and no
# database cluster is started or created by the installation: a machine that had
# none has none afterwards.
set -euo pipefail

run=(gcc libc6-dev meson ninja-build pkg-config mosquitto mosquitto-clients mosquitto-dev libmosquitto-dev
	libjansson-dev libpq-dev libxml2-dev postgresql)
test=(libcmocka-dev pgtap libtap-parser-sourcehandler-pgtap-perl python3-pytest python3-paho-mqtt
	python3-psycopg2 faketime valgrind libc6-dbg cppcheck shellcheck libxml2-utils)
# The lint pins a version; where the distribution has another one, that part is skipped.
test_if_available=(clang-format-14 clang-tidy-14)

policy=/usr/sbin/policy-rc.d
cluster_dir=/etc/postgresql-common/createcluster.d
cluster_conf=$cluster_dir/highwater-packages.conf
mark='made by highwater/examples/packages.sh, to be removed when it ends'

say() {
	printf 'packages: %s\n' "$*" >&2
}

fail() {
	say "$@"
	exit 1
}

# What other repositories and hand-made installations provide counts as well.
have() {
	case $1 in
	gcc) command -v cc >/dev/null && return ;;
	meson | cppcheck | valgrind | shellcheck | clang-format-14 | clang-tidy-14) command -v "$1" >/dev/null && return ;;
	ninja-build) command -v ninja >/dev/null && return ;;
	pkg-config) command -v pkg-config >/dev/null && return ;;
	mosquitto) { command -v mosquitto || test -x /usr/sbin/mosquitto; } >/dev/null && return ;;
	postgresql) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return ;;
	pgtap) compgen -G '/usr/share/postgresql/*/extension/pgtap.control' >/dev/null && return ;;
	esac
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

available() {
	[ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

# The package of pgTAP is named after the major version of PostgreSQL.
pgtap_package() {
	local version
	version=$(compgen -G '/usr/lib/postgresql/[0-9]*/bin/initdb' | sort -V | tail -n 1)
	version=${version#/usr/lib/postgresql/}
	echo "postgresql-${version%%/*}-pgtap"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

missing() {
	local package
	for package in "$@"; do
		have "$package" || echo "$package"
	done
}

restore() {
	grep -qsF "$mark" "$policy" && as_root rm -f "$policy"
	[ -e "$cluster_conf" ] && as_root rm -f "$cluster_conf"
	# Ours, when the package that owns it did not come.
	if [ ! -e /etc/postgresql-common/createcluster.conf ] && [ -d "$cluster_dir" ]; then
		as_root rmdir -p --ignore-fail-on-non-empty "$cluster_dir" 2>/dev/null
	fi
	rm -f "$log"
}

# Maintainer scripts ask policy-rc.d before they start a service (Debian policy 9.3.3.2).
hold_services() {
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
	fi
	as_root mkdir -p "$cluster_dir"
	printf '# %s\ncreate_main_cluster = false\n' "$mark" | as_root tee "$cluster_conf" >/dev/null
}

apt_get() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \
		"$@" </dev/null >>"$log" 2>&1
}

# A stale index names versions that the mirror no longer has: refresh it and try once more.
install_all() {
	apt_get install --no-install-recommends "$@" && return
	say 'refreshing the package index'
	apt_get update && apt_get install --no-install-recommends "$@" && return
	tail -n 15 "$log" >&2
	fail "could not install: $*"
}

# The package has enabled its service for the next boot, with systemd or without.
disable_broker() {
	as_root /usr/sbin/update-rc.d mosquitto disable >>"$log" 2>&1 || true
	say 'mosquitto is installed, its service neither started nor enabled (update-rc.d mosquitto enable)'
}

# replace FROM TO WORD...: the words, one a line.
replace() {
	local from=$1 to=$2 word
	shift 2
	for word in "$@"; do
		if [ "$word" = "$from" ]; then echo "$to"; else echo "$word"; fi
	done
}

add_optional() {
	local package
	available mosquitto || apt_get update || true # a minimal system has no index yet
	for package in "${optional[@]}"; do
		! available "$package" || needed+=("$package")
	done
}

main() {
	local needed=() optional=()

	case ${1-} in
	run) mapfile -t needed < <(missing "${run[@]}") ;;
	test)
		mapfile -t needed < <(missing "${test[@]}")
		mapfile -t optional < <(missing "${test_if_available[@]}")
		;;
	*) fail 'usage: examples/packages.sh run|test' ;;
	esac
	[ $((${#needed[@]} + ${#optional[@]})) -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		[ ${#needed[@]} = 0 ] || say "this is no Debian; going on without ${needed[*]}"
		return 0
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		[ ${#needed[@]} = 0 ] || fail "neither root nor sudo here; as root: apt-get install ${needed[*]}"
		return 0
	fi

	log=$(mktemp)
	trap restore EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	add_optional
	[ ${#needed[@]} -gt 0 ] || return 0
	say "installing ${needed[*]}"
	hold_services
	mapfile -t needed < <(replace pgtap "$(pgtap_package)" "${needed[@]}")
	install_all "${needed[@]}"
	case " ${needed[*]} " in *' mosquitto '*) disable_broker ;; esac
}

main "$@"
