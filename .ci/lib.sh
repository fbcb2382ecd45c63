# What the scripts of this folder share. Source it: . "$(dirname "$0")/lib.sh"
# POSIX sh. Afterwards the working folder is the root of the repository, whatever it was before.

cd "$(dirname "$0")/.."

section() { printf '\n== %s\n' "$*"; }
fail() {
	printf '%s: FAIL: %s\n' ".ci/$(basename "$0")" "$*" >&2
	exit 1
}

# run prints a command and runs it.
run() {
	printf '+ %s\n' "$*"
	"$@"
}

# quiet runs a command that must say nothing: any output is a failure, as is a status other than 0. $1 is what to
# do about it, the rest is the command.
quiet() {
	advice=$1
	shift
	printf '+ %s\n' "$*"
	out=$("$@" 2>&1) || fail "$advice
$out"
	# The go command reports what it downloads; that is no finding.
	out=$(printf '%s\n' "$out" | grep -v '^go: downloading ' || true)
	[ -z "$out" ] || fail "$advice
$out"
}

# workdir makes a folder for logs, removed at the end, and sets $work to it.
workdir() {
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT TERM
}

# needs_go finds the go command also where installers put it without touching PATH, and the gofmt that belongs to it.
needs_go() {
	if ! command -v go >/dev/null 2>&1; then
		PATH=$PATH:/usr/local/go/bin:$HOME/go/bin
		export PATH
	fi
	command -v go >/dev/null 2>&1 || fail "the go command was not found; install Go $(sed -n 's/^go //p' go.mod) or later"
	PATH=$(go env GOROOT)/bin:$PATH
	export PATH
}

# needs_cc: the race detector is linked with a C compiler. On a CI machine (CI=true) a missing one is installed;
# anywhere else that is left to whoever owns the machine.
needs_cc() {
	[ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null 2>&1 && return
	if [ "${CI:-}" = true ] && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
		run apt-get update -q
		run apt-get install -q -y --no-install-recommends gcc libc6-dev
	fi
	command -v "$(go env CC)" >/dev/null 2>&1 || fail "the race detector needs a C compiler ($(go env CC)), which was not found"
	CGO_ENABLED=1
	export CGO_ENABLED
}

# needs_nginx: one example is tested with a real nginx. On a CI machine a missing one is installed; anywhere else the
# test is skipped, and says so.
needs_nginx() {
	command -v nginx >/dev/null 2>&1 && return
	if [ "${CI:-}" = true ] && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
		run apt-get update -q
		run apt-get install -q -y --no-install-recommends nginx-light
	fi
}

# needs_browser: the admin page is tested in a real browser, and metrics with promtool. On a CI machine missing ones are
# installed; anywhere else these tests are skipped, and say so.
needs_browser() {
	command -v chromium >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1 && return
	if [ "${CI:-}" = true ] && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
		run apt-get update -q
		run apt-get install -q -y --no-install-recommends chromium prometheus
	fi
}

# The modules in folders of their own, which the root module does not require.
nested='contrib/grpcpool contrib/prometheus deploy/check examples/elb internal/bench'

# needs_java: tests against Java members want a JDK, Tribes 9 and 10 and a Tomcat. On a CI machine missing ones are
# installed; anywhere else these tests are skipped and say what is missing.
needs_java() {
	[ "${CI:-}" = true ] && command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] || return 0
	[ -e /usr/share/java/tomcat9-tribes.jar ] && [ -e /usr/share/tomcat10/bin/bootstrap.jar ] &&
		command -v javac >/dev/null 2>&1 && return
	run apt-get update -q
	run apt-get install -q -y --no-install-recommends default-jdk-headless libtomcat9-java libtomcat10-java tomcat10
}

needs_go
