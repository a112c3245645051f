#!/usr/bin/env bash
# Puts the programs of the end-to-end tests on this machine: those of the operating system where it may (as root on
# Debian), and the test cluster, built with Go. Run by `make e2e` first; quick when everything is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

# What is looked for, and the Debian package that has it.
declare -A needed=(
    [prometheus]=prometheus
    [prometheus-alertmanager]=prometheus-alertmanager
    [prometheus-pushgateway]=prometheus-pushgateway
    [chromium]=chromium
    [buildah]=buildah
    [debootstrap]=debootstrap
    [initdb]=postgresql
    [java]=openjdk-17-jre-headless
    [DejaVuSans.ttf]=fonts-dejavu-core  # Chromium needs one font; the console brings those that it is drawn by
)

has() {
    # Debian keeps the server's programs of each PostgreSQL version out of the path.
    command -v "$1" >/dev/null || { [ "$1" = initdb ] && compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; } ||
        { [ "$1" = DejaVuSans.ttf ] && compgen -G "/usr/share/fonts/*/dejavu/$1" >/dev/null; } ||
        { [ "$1" = debootstrap ] && [ -x /usr/sbin/debootstrap ]; }
}

missing=() packages=()
look() {
    missing=() packages=()
    local program
    for program in "${!needed[@]}"; do
        has "$program" || { missing+=("$program"); packages+=("${needed[$program]}"); }
    done
}

# Only the programs are wanted: a policy of 101 keeps the packages from starting their daemons, and a PostgreSQL
# cluster of the machine's is not made either. Both are put back as they were.
install_packages() {
    local policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/lightship-e2e.conf
    local made_policy='' made_clusters=''
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod +x "$policy"
        made_policy=yes
    fi
    if [ ! -e "$clusters" ]; then
        mkdir -p "${clusters%/*}"
        echo 'create_main_cluster = false' > "$clusters"
        made_clusters=yes
    fi
    # shellcheck disable=SC2064  # the values of now
    trap "[ -z '$made_policy' ] || rm -f '$policy'; [ -z '$made_clusters' ] || rm -f '$clusters'" EXIT
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
    # What a package would start at the next boot is not wanted either.
    local unit
    if command -v systemctl >/dev/null; then
        for unit in prometheus prometheus-alertmanager prometheus-pushgateway postgresql; do
            case " $* " in *" $unit "*) systemctl --quiet disable "$unit" 2>/dev/null || true ;; esac
        done
    fi
}

look
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing: ${packages[*]}" >&2
    install_packages "${packages[@]}"
    look
fi

failed=''
for index in "${!missing[@]}"; do
    echo "missing: ${missing[$index]} (Debian's package ${packages[$index]}); install it, or run this as root" >&2
    failed=yes
done

# A Go that is installed in its usual place but not in the path is found as well.
export PATH="$PATH:/usr/local/go/bin:/usr/lib/go/bin"
build=tests/cluster/build.sh
if [ -n "${LIGHTSHIP_TEST_KUBECONFIG:-}" ]; then
    echo "using the cluster of LIGHTSHIP_TEST_KUBECONFIG" >&2
    build=true
elif ! command -v go >/dev/null; then
    echo "missing: Go 1.21 or newer (it builds the test cluster; it fetches the version that is needed by itself)" >&2
    echo "         or LIGHTSHIP_TEST_KUBECONFIG, the kubeconfig of a cluster to use in its place, such as kind" >&2
    failed=yes
fi
[ -z "$failed" ] || exit 1
"$build"
