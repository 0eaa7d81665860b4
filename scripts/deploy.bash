# shellcheck shell=bash # a part of ./x
# The files of deploy/ before the programs that will read them: Prometheus, systemd, Kubernetes, Grafana and Ansible. The command
# lines and the names of metrics in them are held to the program by tests/command_line/deploy.rs.

# The packages with the schemas of Kubernetes and of Grafana's dashboards, and Ansible; the releases of Kubernetes to be
# valid for.
schema_packages=(kubernetes-validate==1.37.0 'grafana-foundation-sdk==1769699998!10.1.0' ansible-core==2.19.14)
kubernetes_releases=(1.30 1.37)

deployment_files() {
    local status=0
    rules_fire || status=1
    units_valid || status=1
    schemas_hold || status=1
    return $status
}

rules_fire() {
    have promtool || { skip "deploy: rules (no promtool: apt-get install prometheus)"; return 0; }
    local work status=0
    work=$(mktemp -d)
    promtool check rules deploy/prometheus/ovlsniff.rules.yml && promtool check config deploy/prometheus/prometheus.yml &&
        promtool test rules deploy/prometheus/test.yml &&
        python3 scripts/dashboard.py queries deploy/grafana/ovlsniff.json > "$work/queries.yml" && promtool check rules "$work/queries.yml" || status=1
    rm -rf "$work"
    return $status
}

# The program need not be installed here, so another stands in its place.
units_valid() {
    have systemd-analyze || { skip "deploy: units (no systemd-analyze)"; return 0; }
    local work status=0 unit
    work=$(mktemp -d)
    for unit in deploy/*.service deploy/*.timer; do sed 's#/usr/bin/ovlsniff#/bin/true#' "$unit" > "$work/${unit##*/}"; done
    systemd-analyze verify --man=no "$work"/*.service "$work"/*.timer || status=1
    # The exposure is 3.3 of 10, as the README says.
    systemd-analyze security --offline=true --threshold=33 --no-pager "$work/ovlsniff-verify.service" | tail -n 1 || status=1
    rm -rf "$work"
    return $status
}

# The schemas are in packages of PyPI, which are installed once for each user.
schemas_hold() {
    local tools=${XDG_CACHE_HOME:-$HOME/.cache}/ovlsniff/schemas release file status=0
    if [ ! -e "$tools/complete" ]; then
        if ! { rm -rf "$tools" && python3 -m venv "$tools" && timeout 300 "$tools/bin/pip" install --quiet "${schema_packages[@]}"; } >&2; then
            skip "deploy: Kubernetes, Grafana and Ansible (pip cannot install them; it needs python3-venv and PyPI)"
            return 0
        fi
        touch "$tools/complete"
    fi
    for release in "${kubernetes_releases[@]}"; do
        for file in deploy/kubernetes/*.yaml; do "$tools/bin/kubernetes-validate" -k "$release" --strict "$file" || status=1; done
    done
    for file in deploy/ansible/*.yml; do "$tools/bin/ansible-playbook" -i localhost, --syntax-check "$file" || status=1; done
    "$tools/bin/python" scripts/dashboard.py schema deploy/grafana/ovlsniff.json || status=1
    return $status
}
