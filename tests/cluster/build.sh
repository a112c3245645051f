#!/usr/bin/env bash
# Builds the programs of the test cluster from the Go module proxy: the control plane of this module, kwok that plays
# its nodes, metrics-server, and kubectl that applies the shipped manifests. Run by tests/e2e/setup.sh; tests/e2e/servers/programs.py finds the results.
#
# Each program is built again only when what it is built from has changed: its stamp holds the hash of that.
# The first build takes about eight minutes on two cores, later ones seconds, from Go's own cache.
set -euo pipefail
cache="${LIGHTSHIP_CACHE:-$(dirname "$0")/../../.cache}/cluster"
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
cd "$(dirname "$0")"

KWOK=v0.8.0
METRICS_SERVER=v0.9.0
PROMETHEUS_OPERATOR=v0.85.0
KUBERNETES=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' go.mod)

# fresh NAME KEY: whether NAME was built from what KEY says.
fresh() { [ -e "$cache/$1" ] && [ "$(cat "$cache/$1.stamp" 2>/dev/null)" = "$2" ]; }

# building NAME KEY COMMAND...: runs the command unless NAME is fresh, and stamps it afterwards.
building() {
    local name=$1 key=$2
    shift 2
    fresh "$name" "$key" && return
    echo "building $name ($key)" >&2
    rm -f "$cache/$name.stamp"
    "$@"
    printf '%s' "$key" > "$cache/$name.stamp"
}

# GOFLAGS of the caller may ask for a vendor folder or a VCS stamp, neither of which there is.
export GOFLAGS=-mod=readonly\ -buildvcs=false\ -trimpath GOWORK=off CGO_ENABLED=0

control_plane() {
    go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$KUBERNETES" -o "$cache/control-plane" .
}

kubectl() {
    go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$KUBERNETES" -o "$cache/kubectl" \
        k8s.io/kubernetes/cmd/kubectl
}

# A released module keeps its own go.sum, and Go verifies it against the checksum database.
released() {
    GOBIN="$cache" go install -ldflags "-s -w" "$1"
}

# kwok behaves as its CRDs and stages say; they are taken from the module that the program was built from.
manifests() {
    local from part file
    from=$(go mod download -json "sigs.k8s.io/kwok@$KWOK" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
    rm -rf "$cache/kwok-manifests"
    mkdir -p "$cache/kwok-manifests"
    for part in crd/bases stage/node/fast stage/node/heartbeat-with-lease stage/pod/fast metrics/resource \
        metrics/usage; do
        for file in "$from/kustomize/$part"/*.yaml; do
            [ "${file##*/}" = kustomization.yaml ] || cat "$file" > "$cache/kwok-manifests/${file##*/}"
        done
    done
}

# The kinds of the Prometheus operator, so that its objects are held against their schemas.
operator_kinds() {
    local from kind
    from=$(go mod download -json "github.com/prometheus-operator/prometheus-operator@$PROMETHEUS_OPERATOR" |
        sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
    rm -rf "$cache/operator-kinds"
    mkdir -p "$cache/operator-kinds"
    for kind in servicemonitors prometheusrules; do
        cat "$from/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" \
            > "$cache/operator-kinds/$kind.yaml"
    done
}

building control-plane "$KUBERNETES $(cat go.mod go.sum ./*.go | sha256sum | cut -c1-16)" control_plane
building kwok "$KWOK" released "sigs.k8s.io/kwok/cmd/kwok@$KWOK"
building kwok-manifests "$KWOK" manifests
building metrics-server "$METRICS_SERVER" released "sigs.k8s.io/metrics-server/cmd/metrics-server@$METRICS_SERVER"
building kubectl "$KUBERNETES $(cat go.mod go.sum | sha256sum | cut -c1-16)" kubectl
building operator-kinds "$PROMETHEUS_OPERATOR" operator_kinds
