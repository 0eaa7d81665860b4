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
    audit_runs || status=1
    schemas_hold || status=1
    return $status
}

rules_fire() {
    have promtool || { skip "deploy: rules (no promtool: apt-get install prometheus)"; return 0; }
    local work status=0
    work=$(mktemp -d)
    promtool check rules deploy/prometheus/ovlsniff.rules.yml && promtool check config deploy/prometheus/prometheus.yml &&
        promtool test rules deploy/prometheus/test.yml &&
        python3 scripts/dashboard.py queries deploy/grafana/ovlsniff.json > "$work/queries.yml" && promtool check rules "$work/queries.yml" &&
        cp deploy/prometheus/ovlsniff.rules.yml deploy/grafana/test.yml "$work" && promtool test rules "$work/test.yml" || status=1
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

# The audit of a swarm with another program in the place of docker, on a manager that has no ovlsniff: the image merges. A folder
# with reports is refused before anything is asked of docker.
audit_runs() {
    local work status=0 tool code=0
    work=$(mktemp -d)
    mkdir "$work/bin"
    for tool in bash date mkdir ls sort awk wc sleep realpath cat; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done
    cat > "$work/bin/docker" << 'END'
#!/bin/bash
echo "$*" >> "$ASKED"
case "$*" in
    *CurrentState*) echo 'node task Complete 1 second ago' ;;
    'service ps'*) echo node ;;
    'service logs'*) echo '{}' ;;
esac
END
    chmod +x "$work/bin/docker"
    PATH=$work/bin ASKED=$work/asked bash deploy/swarm/audit "$work/reports" || status=1
    grep -qE "^run .*source=$work/reports,target=/reports,readonly ovlsniff:[0-9.]+ verify merge /reports$" "$work/asked" &&
        [ "$(cat "$work/reports/node.json")" = '{}' ] || { echo "deploy: the audit of a swarm does not merge"; status=1; }
    : > "$work/asked"
    PATH=$work/bin ASKED=$work/asked bash deploy/swarm/audit "$work/reports" 2> "$work/said" || code=$?
    [ $code = 2 ] && grep -q 'holds files already' "$work/said" && [ ! -s "$work/asked" ] ||
        { echo "deploy: a folder with reports is taken for the audit of a swarm"; status=1; }
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
    playbooks_run "$tools/bin" || status=1
    return $status
}

# Two hosts of Ansible's, which both are this one: one of them has an error in the second audit. Another program stands in the
# place of ours, and nothing is installed.
playbooks_run() {
    local work status=0 playbooks=$PWD/deploy/ansible
    local -a play=("$1/ansible-playbook" -i 'one,two,' -c local -e ansible_become=false -e "ansible_python_interpreter=$1/python")
    work=$(mktemp -d)
    mkdir "$work/bin"
    cat > "$work/bin/ovlsniff" << 'END'
#!/bin/sh
if [ "$2" = merge ]; then shift 2; echo "merged $# reports"; exit; fi
[ ! -d "$AGAIN" ] || mkdir "$AGAIN/failed" || exit 2
echo '{}'
END
    chmod +x "$work/bin/ovlsniff"
    (
        export PATH=$work/bin:$PATH AGAIN=$work/again
        cd "$work" || exit
        "${play[@]}" "$playbooks/audit.yml" > first && mkdir again && sleep 1
        "${play[@]}" "$playbooks/audit.yml" > second 2>&1
        grep -q 'merged 2 reports' first && grep -q 'merged 1 reports' second ||
            { echo "deploy: an old report stands in for a host with an error"; cat first second; exit 1; }
        "${play[@]}" -e "reports=$(echo "$work"/audit-* | cut -d ' ' -f 1)" "$playbooks/audit.yml" > third 2>&1
        grep -q 'holds reports already' third || { echo "deploy: a folder with reports is taken for an audit"; exit 1; }
        touch some.deb
        for deb in some.deb "$work/some.deb"; do
            "${play[@]}" --check -e "deb=$deb" "$playbooks/nodes.yml" > installed 2>&1
            grep -A 1 'TASK \[Copy the package\]' installed | grep -qE '^(ok|changed): ' || { echo "deploy: nodes.yml does not find $deb"; exit 1; }
        done
    ) || status=1
    rm -rf "$work"
    return $status
}
