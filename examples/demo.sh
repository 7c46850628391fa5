#!/bin/bash
# demo.sh - Highwater at work, in about a minute, on private throw-away servers.
set -euo pipefail

usage() {
	cat <<'END'
usage: examples/demo.sh [--keep] [--seconds N] [--csv FILE [player options]]

Installs what is missing, builds, starts a private PostgreSQL and a private Mosquitto with the plugin, and
plays three days of tide and a storm at four stations of Ho Chi Minh City. Shows the levels, each alert as
a subscriber receives it, and then what SQL has. Takes everything away again when it ends.

  --keep              leave the servers running; prints how to subscribe, query and stop
  --seconds N         length of the play (default 60; 0: as fast as it goes)
  --csv FILE ...      play a recording instead; what follows goes to highwater-player (its --help lists it)
  --help

examples:
  examples/demo.sh --keep
  examples/demo.sh --csv levels.csv --topic 'sensors/{station}/water_level' --time-column time --value level_m

Environment: MOSQUITTO, another broker's binary. NO_COLOR, no colours.
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
keep='' seconds=60 csv='' player_options=()
work='' finished='' failure='' logs_tell=yes helpers=()

# ---- words

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
	bold='' dim='' red='' green='' plain=''
fi

step() {
	printf '  %s%-11s%s %s\n' "$bold" "$1" "$plain" "$2"
}

title() {
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# The message is printed last, below the logs.
fail() {
	failure=$1
	exit 1
}

show_logs() {
	local log
	for log in build postgres mosquitto; do
		if [ -s "$work/$log.log" ]; then
			printf '\n%s--- the last lines of %s.log%s\n' "$bold" "$log" "$plain"
			tail -n 20 "$work/$log.log"
		fi
	done >&2
}

# ---- beginning and end

parse_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--keep) keep=yes ;;
		--seconds)
			[[ ${2-} =~ ^[0-9]+$ ]] || fail "--seconds \"${2-}\": a whole number"
			seconds=$2
			shift
			;;
		--csv)
			[ -r "${2-}" ] || fail "--csv \"${2-}\": not a file that can be read"
			csv=$2
			shift 2
			player_options=("$@")
			return
			;;
		--help | -h)
			usage
			exit 0
			;;
		*)
			usage >&2
			fail "\"$1\" is not an option"
			;;
		esac
		shift
	done
}

# Becomes a server, or a command about one: call it in a subshell. Servers refuse to run as root, or
# should: they run as PostgreSQL's user then.
become_server() {
	cd "$work"
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid=postgres --regid=postgres --init-groups env HOME="$work" "$@"
	fi
	exec "$@"
}

# One way to end the servers, for the trap below and for whoever used --keep.
write_stop_script() {
	cat >"$work/stop" <<END
#!/bin/bash
# Ends the demonstration's servers and removes what it wrote.
cd /
stop() {
	local pid
	pid=\$(head -n 1 "\$1" 2>/dev/null) || return
	kill "-\$2" "\$pid" 2>/dev/null || return
	for _ in {1..150}; do
		kill -0 "\$pid" 2>/dev/null || return
		sleep 0.1
	done
	kill -KILL "\$pid"
}
stop '$work/mosquitto.pid' TERM
stop '$work/data/postmaster.pid' INT
rm -rf '$work'
END
}

# Without the shell's wait: in a trap that interrupted one, bash 5.2 may wait for ever.
end_helpers() {
	local pid
	for pid in "${helpers[@]}"; do
		kill "$pid" 2>/dev/null || continue
		for _ in {1..100}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.05
		done
	done
	helpers=()
}

clean_up() {
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	end_helpers
	if [ -n "$work" ] && [ "$status" != 0 ] && [ "$status" -lt 128 ] && [ -n "$logs_tell" ]; then
		show_logs
	fi
	if [ -n "$work" ] && { [ -z "$keep" ] || [ -z "$finished" ]; }; then
		bash "$work/stop"
	fi
	[ -z "$failure" ] || printf '\n%sdemo: %s%s\n' "$red" "$failure" "$plain" >&2
	exit "$status"
}

prepare_folder() {
	local parent=${TMPDIR:-/tmp}
	# A Unix socket's path must fit into 107 bytes.
	[ ${#parent} -lt 60 ] || parent=/tmp
	work=$(mktemp -d "$parent/highwater-demo.XXXXXX")
	write_stop_script
	mkdir "$work/run" "$work/state"
	touch "$work/postgres.log" "$work/mosquitto.log"
}

# ---- the parts

install_packages() {
	"$root/examples/packages.sh" run || fail 'packages are missing; see above'
	step packages 'all there'
}

build_all() {
	local started=$SECONDS
	{
		[ -f "$build/build.ninja" ] || meson setup "$build" "$root"
		meson compile -C "$build" mosquitto_highwater highwater-player highwater-tide highwater-watch \
			highwater-whatif
	} >"$work/build.log" 2>&1 || fail 'it does not build'
	step build "build/plugin/mosquitto_highwater.so ($((SECONDS - started)) s)"
	cp "$build/plugin/mosquitto_highwater.so" "$work/"
	: >"$work/build.log"
}

start_postgresql() {
	local bin
	bin=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || command -v initdb) ||
		fail 'no initdb found: is PostgreSQL installed?'
	bin=$(dirname "$bin")
	[ "$(id -u)" != 0 ] || chown -R postgres:postgres "$work"
	(become_server "$bin/initdb" -D "$work/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync) \
		>"$work/postgres.log" 2>&1 || fail 'PostgreSQL: initdb failed'
	# Nobody else can reach the socket: the folder around it is closed. No network.
	cat >>"$work/data/postgresql.conf" <<-END
		listen_addresses = ''
		unix_socket_directories = '$work/run'
		timezone = 'Asia/Ho_Chi_Minh'
		log_timezone = 'Asia/Ho_Chi_Minh'
	END
	(become_server "$bin/pg_ctl" -D "$work/data" -l "$work/postgres.log" -s -w -t 60 start) </dev/null >&2 ||
		fail 'PostgreSQL does not start'
	step PostgreSQL "$(sql -Atc 'SHOW server_version' postgres | cut -d' ' -f1), private, reached by socket only"
}

sql() {
	PGHOST=$work/run PGUSER=postgres PGDATABASE=highwater PGCLIENTENCODING=UTF8 \
		psql -X -q -v ON_ERROR_STOP=1 -P pager=off -P footer=off -P linestyle=unicode "$@"
}

load_schema() {
	{
		sql -c 'CREATE DATABASE highwater' postgres
		sql -f "$root/schema/install.sql"
		sql -c 'CREATE ROLE broker LOGIN IN ROLE highwater_writer'
		sql -f "$root/examples/stations.sql"
	} >>"$work/postgres.log" 2>&1 || fail 'the schema does not load'
	step stations "$(sql -Atc "SELECT string_agg(name, ', ' ORDER BY latitude) FROM highwater.station"),$(
		sql -Atc "SELECT ' ' || count(*) || ' alarm levels' FROM highwater.threshold_in_force"
	)"
}

# Times in this play go back three days at once: the guards against old readings would only
# store them, and raise no live alarm.
write_broker_config() {
	cat >"$work/highwater.json" <<-END
		{
			"time": { "max_age": "0", "late_after": "0" },
			"journal": { "max_size": "64MiB", "segment_size": "4MiB" },
			"stats_interval": "1s"
		}
	END
	cat >"$work/mosquitto.conf" <<-END
		listener $port 127.0.0.1
		allow_anonymous true
		set_tcp_nodelay true
		connection_messages false
		plugin $work/mosquitto_highwater.so
		plugin_opt_database host=$work/run dbname=highwater user=broker
		plugin_opt_state_dir $work/state
		plugin_opt_config $work/highwater.json
	END
}

listens() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

choose_port() {
	for _ in {1..100}; do
		port=$((20000 + RANDOM % 12000))
		listens "$port" || return 0
	done
	fail 'no free port found'
}

# False when another program was faster at taking the port.
try_broker() {
	local pid
	choose_port
	write_broker_config
	(become_server setsid "$mosquitto" -c "$work/mosquitto.conf") >"$work/mosquitto.log" 2>&1 </dev/null &
	pid=$!
	disown "$pid"
	echo "$pid" >"$work/mosquitto.pid"
	for _ in {1..100}; do
		kill -0 "$pid" 2>/dev/null || break
		! listens "$port" || return 0
		sleep 0.1
	done
	rm "$work/mosquitto.pid"
	kill "$pid" 2>/dev/null || true
	grep -q 'Address already in use' "$work/mosquitto.log" || fail 'Mosquitto does not start with the plugin'
	return 1
}

counter() {
	mosquitto_sub -p "$port" -C 1 -W 2 -t "\$SYS/broker/highwater/$1" 2>/dev/null || true
}

start_broker() {
	mosquitto=${MOSQUITTO:-$(command -v mosquitto || echo /usr/sbin/mosquitto)}
	try_broker || try_broker || try_broker || fail 'Mosquitto finds no port'
	for _ in {1..20}; do
		if [ "$(counter database/connected)" = 1 ] && [ "$(counter registry/datastreams)" = 4 ]; then
			step Mosquitto "$("$mosquitto" -h | sed -n '1s/.*version //p'), with the plugin, 127.0.0.1:$port"
			return
		fi
		sleep 0.3
	done
	fail 'the plugin does not reach the database, or has not read its four datastreams'
}

# ---- the play

# The spring tide of 21 to 23 November 2025 at Vũng Tàu. Its highest water computes to 4.04 m above
# the gauge's zero (bulletin: 4.15 to 4.25, wind and river included). The same week's bulletins gave
# 1.65 to 1.70 m in the national datum at Phú An. So that the one meets the other:
#     Phú An = 1.675 m + 0.90 (tide 4 h earlier - 4.04 m)      offset = 1.675 - 0.90 * 4.04 = -1.961
#     Nhà Bè = 1.675 m + 0.95 (tide 3 h earlier - 4.04 m)      offset = 1.675 - 0.95 * 4.04 = -2.163
# The factors, and the height at Nhà Bè, are assumptions that give a plausible range, no calibration.
write_scenario() {
	"$build/examples/highwater-tide" --start 2025-11-21T00:00:00+07:00 --duration 3d --interval 10m \
		--station vung-tau \
		--station nha-be,lag=3h,scale=0.95,offset=-2.163 \
		--station phu-an,lag=4h,scale=0.9,offset=-1.961 \
		--storm street-nguyen-huu-canh,start=41h,peak=0.35 >"$work/scenario.csv"
}

start_subscribers() {
	local show=()
	if [ -z "$csv" ]; then
		show=(--show 'vung-tau/water_level=Vũng Tàu m,0.5,4.2' --show 'nha-be/water_level=Nhà Bè m,-1.4,1.8'
			--show 'phu-an/water_level=Phú An m,-1.2,1.8'
			--show 'street-nguyen-huu-canh/water_depth=N. Hữu Cảnh m,0,0.4')
	fi
	mosquitto_sub -p "$port" -q 1 -t 'highwater/alerts/#' >"$work/alerts.jsonl" &
	helpers+=($!)
	"$build/examples/highwater-watch" --port "$port" "${show[@]}" &
	helpers+=($!)
	sleep 0.5
}

play() {
	local status=0
	"$build/examples/highwater-player" --port "$port" "$@" >"$work/player.txt" &
	helpers+=($!)
	wait $! || status=$?
	if [ "$status" != 0 ]; then
		[ "$status" != 1 ] || logs_tell='' # it has said why
		fail 'the player did not finish'
	fi
}

play_scenario() {
	local speed=0 end
	end=$(date -u +%Y-%m-%dT%H:%M:00Z)
	[ "$seconds" = 0 ] || speed=$((3 * 24 * 3600 / seconds))
	title 'The spring tide of 21 to 23 November 2025, played as if it ended now'
	cat <<-END
		  Three days in $([ "$seconds" = 0 ] && echo 'no time' || echo "$seconds s"). Computed, not measured: the astronomical tide at Vũng Tàu; Phú An and
		  Nhà Bè follow it by 4 and 3 hours, scaled; the cloudburst over the street is invented.
		  Times are those of the readings, in local time; alerts (▲ ▼ ✓) are as a subscriber receives them.

	END
	play --times shifted --end "$end" --speed "$speed" "$work/scenario.csv"
}

play_recording() {
	title "$csv"
	play "$csv" "${player_options[@]}"
}

# The writer is a moment behind the broker.
await_storage() {
	for _ in {1..100}; do
		[ "$(counter journal/pending)" != 0 ] || return 0
		sleep 0.2
	done
	fail 'the journal was not written to the database within a while'
}

# ---- the answers

ask() {
	printf '\n%s%s%s\n' "$dim" "$1" "$plain"
	sql -c "$1"
}

report() {
	title 'In PostgreSQL'
	ask "SELECT station, property, count(*) AS rows, min(phenomenon_time) AS first, max(phenomenon_time) AS last
  FROM highwater.reading GROUP BY station, property ORDER BY station, property;"
	ask "SELECT station_name, started, duration, peak, unit, peak_level_name, transitions
  FROM highwater.flood_event ORDER BY started, station_name;"
	ask "SELECT DISTINCT ON (station, property) station, property, result AS highest, unit, phenomenon_time
  FROM highwater.reading WHERE property IN ('water_level', 'water_depth')
  ORDER BY station, property, result DESC, phenomenon_time;"
}

# The books must agree: what was acknowledged, what is stored, what subscribers got.
compare() {
	local played stored rejected lost heard kept
	stored=$(sql -Atc 'SELECT count(*) FROM highwater.observation')
	rejected=$(sql -Atc 'SELECT count(*) FROM highwater.rejected')
	lost=$(sql -Atc 'SELECT coalesce(sum(count), 0) FROM highwater.loss')
	heard=$(wc -l <"$work/alerts.jsonl")
	kept=$(sql -Atc 'SELECT count(*) FROM highwater.alert_event')
	played=$(sed -n 's/.* \([0-9]*\) acknowledged.*/\1/p' "$work/player.txt")
	title 'The books'
	step played "$(cat "$work/player.txt")"
	step stored "$stored readings in SQL; $rejected rejected, $lost lost"
	step alerts "$heard received by the subscriber, $kept in SQL"
	if [ "$heard" != "$kept" ]; then
		fail "$heard alerts were received, but $kept are in SQL"
	fi
	if [ -z "$csv" ] && [ "$played" != "$stored" ]; then
		fail "$played readings were acknowledged, but $stored are in SQL"
	fi
}

print_handles() {
	title 'Still running'
	cat <<-END
		  alerts        mosquitto_sub -p $port -t 'highwater/alerts/#'
		  states now    mosquitto_sub -p $port -t 'highwater/status/#' -v
		  counters      mosquitto_sub -p $port -t '\$SYS/broker/highwater/#' -v
		  a reading     mosquitto_pub -p $port -q 1 -t sensors/phu-an/water_level -m 1.53
		  SQL           psql -h $work/run -U postgres highwater
		  what if       $build/examples/highwater-whatif --database "host=$work/run user=postgres dbname=highwater" \\
		                    --late-after 0 --set phu-an/water_level/1 set=1.45 on-delay=10m
		  logs          $work/mosquitto.log, $work/postgres.log
		  ${bold}stop          bash $work/stop${plain}
	END
}

main() {
	# Nothing of the caller's PostgreSQL settings shall lead elsewhere.
	unset "${!PG@}"
	export LC_ALL=C.UTF-8 TZ=ICT-7
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP

	parse_options "$@"
	title 'Highwater'
	install_packages
	prepare_folder
	build_all
	start_postgresql
	load_schema
	start_broker
	start_subscribers
	if [ -n "$csv" ]; then
		play_recording
	else
		write_scenario
		play_scenario
	fi
	await_storage
	end_helpers
	report
	compare
	finished=yes
	[ -z "$keep" ] || print_handles
	printf '\n%sDone.%s\n' "$green" "$plain"
}

main "$@"
