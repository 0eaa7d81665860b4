
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'ovlsniff' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'ovlsniff'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'ovlsniff' {
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Pattern (repeatable: any of them may match); all other words are then the filter')
            [CompletionResult]::new('--regexp', '--regexp', [CompletionResultType]::ParameterName, 'Pattern (repeatable: any of them may match); all other words are then the filter')
            [CompletionResult]::new('--pattern', '--pattern', [CompletionResultType]::ParameterName, 'Pattern (repeatable: any of them may match); all other words are then the filter')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'With --stream, the longest match: 1K to 16M [default: 64K]')
            [CompletionResult]::new('--inner', '--inner', [CompletionResultType]::ParameterName, 'Filter on the innermost frame: ''host 10.0.1.3 and port 80''')
            [CompletionResult]::new('--vni', '--vni', [CompletionResultType]::ParameterName, 'Search only this virtual network: 4097 or 0x1001 (repeatable); encrypted packets show no VNI and still count')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input')
            [CompletionResult]::new('--read', '--read', [CompletionResultType]::ParameterName, 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input')
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace to listen in: a name, a path, or a process id')
            [CompletionResult]::new('--direction', '--direction', [CompletionResultType]::ParameterName, 'Capture only the frames that this host receives (in) or sends (out)')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Capture at most this many bytes of a frame: 64, 64K [default: 256K]')
            [CompletionResult]::new('--snaplen', '--snaplen', [CompletionResultType]::ParameterName, 'Capture at most this many bytes of a frame: 64, 64K [default: 256K]')
            [CompletionResult]::new('--buffer', '--buffer', [CompletionResultType]::ParameterName, 'Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]')
            [CompletionResult]::new('--vxlan-port', '--vxlan-port', [CompletionResultType]::ParameterName, 'Another UDP port that carries VXLAN, beside 4789, 8472 and, live, those of this host''s devices (repeatable)')
            [CompletionResult]::new('--geneve-port', '--geneve-port', [CompletionResultType]::ParameterName, 'Another UDP port that carries Geneve, beside 6081 and, live, those of this host''s devices (repeatable)')
            [CompletionResult]::new('--fou-port', '--fou-port', [CompletionResultType]::ParameterName, 'A UDP port that carries FOU or GUE, beside GUE''s 6080 and, live, the kernel''s (repeatable)')
            [CompletionResult]::new('--sa', '--sa', [CompletionResultType]::ParameterName, 'Open ESP with the keys of this file: Wireshark''s esp_sa table, or output of ''ip xfrm state'' (repeatable)')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that search a capture file; the output is that of one [default: the processors, at most 4, for a plain pcap file of some MiB]')
            [CompletionResult]::new('-Z', '-Z ', [CompletionResultType]::ParameterName, 'User to become in place of root, once everything is open [default: nobody]')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User to become in place of root, once everything is open [default: nobody]')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Stop after N matched packets; 0 is no limit')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after N matched packets; 0 is no limit')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Show N packets of the same flow after each match; with --stream, N lines of the stream')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'Show N packets of the same flow after each match; with --stream, N lines of the stream')
            [CompletionResult]::new('-B', '-B ', [CompletionResultType]::ParameterName, 'Show N packets of the same flow before each match; with --stream, N lines of the stream')
            [CompletionResult]::new('--before', '--before', [CompletionResultType]::ParameterName, 'Show N packets of the same flow before each match; with --stream, N lines of the stream')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'Write the matched packets to this file: pcap, or pcapng by its ending; - is standard output, without the text')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Write the matched packets to this file: pcap, or pcapng by its ending; - is standard output, without the text')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Format in which the payload is printed')
            [CompletionResult]::new('--shape', '--shape', [CompletionResultType]::ParameterName, 'Format in which the payload is printed')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Search and print at most this many bytes of a payload: 64, 4K')
            [CompletionResult]::new('--depth', '--depth', [CompletionResultType]::ParameterName, 'Search and print at most this many bytes of a payload: 64, 4K')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Character that stands for a byte that cannot be printed')
            [CompletionResult]::new('--replacement', '--replacement', [CompletionResultType]::ParameterName, 'Character that stands for a byte that cannot be printed')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Width of a line in columns [default: that of the terminal, else 80]')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Width of a line in columns [default: that of the terminal, else 80]')
            [CompletionResult]::new('--marks', '--marks', [CompletionResultType]::ParameterName, 'Marks for packets that are not shown. opaque: # for an encrypted packet, ? for one that is not decoded, . for any other; ngrep: # for each')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the matches, and make header lines bold')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Ignore case')
            [CompletionResult]::new('--ignore-case', '--ignore-case', [CompletionResultType]::ParameterName, 'Ignore case')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Match whole words only')
            [CompletionResult]::new('--word-regexp', '--word-regexp', [CompletionResultType]::ParameterName, 'Match whole words only')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the packets that do not match')
            [CompletionResult]::new('--invert-match', '--invert-match', [CompletionResultType]::ParameterName, 'Show the packets that do not match')
            [CompletionResult]::new('-X', '-X ', [CompletionResultType]::ParameterName, 'Read the pattern as bytes in hex, with ?? for any byte: ''4745 5420'', ''0x45??00''')
            [CompletionResult]::new('--hex', '--hex', [CompletionResultType]::ParameterName, 'Read the pattern as bytes in hex, with ?? for any byte: ''4745 5420'', ''0x45??00''')
            [CompletionResult]::new('--stream', '--stream', [CompletionResultType]::ParameterName, 'Search TCP in streams, not in packets: each direction of a connection as its receiver reads it')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Do not put the interface into promiscuous mode')
            [CompletionResult]::new('--no-promiscuous', '--no-promiscuous', [CompletionResultType]::ParameterName, 'Do not put the interface into promiscuous mode')
            [CompletionResult]::new('--decrypt', '--decrypt', [CompletionResultType]::ParameterName, 'Open ESP with the keys of this host''s kernel')
            [CompletionResult]::new('--no-drop', '--no-drop', [CompletionResultType]::ParameterName, 'Stay root instead of becoming another user')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'List the interfaces, and mark those that auto would choose')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List the interfaces, and mark those that auto would choose')
            [CompletionResult]::new('--decap', '--decap', [CompletionResultType]::ParameterName, 'With -O, write the innermost frames instead of the captured ones')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Print the payload as a hex dump')
            [CompletionResult]::new('--hexdump', '--hexdump', [CompletionResultType]::ParameterName, 'Print the payload as a hex dump')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Print UTF-8 characters instead of replacing their bytes')
            [CompletionResult]::new('--utf8', '--utf8', [CompletionResultType]::ParameterName, 'Print UTF-8 characters instead of replacing their bytes')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Print the date and time of each packet')
            [CompletionResult]::new('--time', '--time', [CompletionResultType]::ParameterName, 'Print the date and time of each packet')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Print the time since the last packet shown; twice: since the first')
            [CompletionResult]::new('--relative-time', '--relative-time', [CompletionResultType]::ParameterName, 'Print the time since the last packet shown; twice: since the first')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print no marks and no banner; twice: headers only')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print no marks and no banner; twice: headers only')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Show the names of containers, services and networks beside addresses, as this host''s Docker or Podman engine knows them now')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line (JSON Lines)')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show every packet, also encrypted and empty ones')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Flush the output after every packet')
            [CompletionResult]::new('--line-buffered', '--line-buffered', [CompletionResultType]::ParameterName, 'Flush the output after every packet')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check whether an overlay network is really encrypted')
            [CompletionResult]::new('interfaces', 'interfaces', [CompletionResultType]::ParameterValue, 'List the interfaces, and mark those that auto would choose (also: -D)')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'Write the kernel''s IPsec keys for Wireshark')
            [CompletionResult]::new('overlay', 'overlay', [CompletionResultType]::ParameterValue, 'Build VXLAN links between nodes, in clear or inside IPsec')
            [CompletionResult]::new('ngrep', 'ngrep', [CompletionResultType]::ParameterValue, 'Grep the network with ngrep''s options (also when called as ngrep)')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page of the program or of one command')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print the help of the program or of one command')
            break
        }
        'ovlsniff;verify' {
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'Name of the network in ovlsniff overlay or in Docker, or of its VXLAN device')
            [CompletionResult]::new('--vni', '--vni', [CompletionResultType]::ParameterName, 'VNI of the network, with or without --net: 4097 or 0x1001 (repeatable)')
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'Underlay address of another node (repeatable)')
            [CompletionResult]::new('--vxlan-port', '--vxlan-port', [CompletionResultType]::ParameterName, 'UDP port of the network''s VXLAN')
            [CompletionResult]::new('--geneve-port', '--geneve-port', [CompletionResultType]::ParameterName, 'UDP port of the network''s Geneve')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Underlay address of this node (repeatable)')
            [CompletionResult]::new('--docker-inspect', '--docker-inspect', [CompletionResultType]::ParameterName, 'Read the Docker network from this file, the output of ''docker network inspect''')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'State that the network should be in')
            [CompletionResult]::new('--require', '--require', [CompletionResultType]::ParameterName, 'Nodes that count for the verdict on the network')
            [CompletionResult]::new('--accept', '--accept', [CompletionResultType]::ParameterName, 'Finding to live with, such as not-enforced (repeatable)')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Time to watch: 10s, 1m30s, 500ms; at most a day')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'Overlay address to probe (repeatable) [default: found from the kernel''s tables]')
            [CompletionResult]::new('--control', '--control', [CompletionResultType]::ParameterName, 'Network known to be in clear, as a control: if its canary is not seen, the capture is at fault')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Repeat at this interval, with one verdict each time: 30s, 5m, 1h; at most a day')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Interface of the underlay on which the proof is looked for (repeatable); all are watched for leaks [default: all]')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Interface of the underlay on which the proof is looked for (repeatable); all are watched for leaks [default: all]')
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace of the underlay: a name, a path, or a process id')
            [CompletionResult]::new('--buffer', '--buffer', [CompletionResultType]::ParameterName, 'Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Judge this capture file instead of live traffic: pcap or pcapng')
            [CompletionResult]::new('--read', '--read', [CompletionResultType]::ParameterName, 'Judge this capture file instead of live traffic: pcap or pcapng')
            [CompletionResult]::new('--sa', '--sa', [CompletionResultType]::ParameterName, 'File with keys of SAs, beside the kernel''s: Wireshark''s esp_sa, or output of ''ip xfrm state'' (repeatable)')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format of the report; with nagios, the exit status is 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN, of errors too')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the report to this file, whole or not at all; with --watch, each verdict replaces it [default: standard output]')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the report to this file, whole or not at all; with --watch, each verdict replaces it [default: standard output]')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'Name of this node in the report [default: the host''s]')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every overlay network of this host: Docker''s and ovlsniff''s, and VXLAN, Geneve and WireGuard devices in all namespaces')
            [CompletionResult]::new('--passive', '--passive', [CompletionResultType]::ParameterName, 'Send no probe, and judge the traffic that passes by')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the report as JSON, as --format json does')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;interfaces' {
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace to look at: a name of ''ip netns list'', a path, or a process id')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line, one for each interface and for each overlay network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;keys' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'File to write, readable by its owner only; - is standard output, the default')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'File to write, readable by its owner only; - is standard output, the default')
            [CompletionResult]::new('--sa', '--sa', [CompletionResultType]::ParameterName, 'Take the SAs from this file instead of from the kernel (repeatable)')
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace to take the SAs from: a name, a path, or a process id')
            [CompletionResult]::new('--wireshark', '--wireshark', [CompletionResultType]::ParameterName, 'Write Wireshark''s table esp_sa, a file of its profile folder')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Print the keys even to a terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Build a network, or all networks of a file; a second run changes nothing')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Take networks down, and remove only what ovlsniff overlay built')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the networks as the kernel has them; exit status 1 if anything is missing')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Move encrypted networks to new keys without losing a packet')
            [CompletionResult]::new('keygen', 'keygen', [CompletionResultType]::ParameterValue, 'Make a new secret, one file (mode 0600) for all nodes')
            break
        }
        'ovlsniff;overlay;up' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'TOML file with all nodes and networks')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'TOML file with all nodes and networks')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'Name of this node in the file [default: the node with an underlay address of this host]')
            [CompletionResult]::new('--vni', '--vni', [CompletionResultType]::ParameterName, 'VXLAN network identifier, 1 to 16777215: 4097 or 0x1001')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'This node''s underlay address')
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'Underlay address of another node (repeatable), with its overlay address if that is known: 192.0.2.2=10.0.1.2')
            [CompletionResult]::new('--addr', '--addr', [CompletionResultType]::ParameterName, 'This node''s address in the overlay, with the length of its prefix: 10.0.1.1/24')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'Option as in Docker''s --opt: encrypted, com.docker.network.driver.mtu=MTU; also cipher=NAME, mtu=MTU, port=PORT')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'File with the secret of an encrypted network, made by keygen')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'UDP port, the same on every node [default: 4789, or 14789 + VNI mod 16384 if encrypted]')
            [CompletionResult]::new('--mtu', '--mtu', [CompletionResultType]::ParameterName, 'MTU of the device [default: the largest that fits the underlay]')
            [CompletionResult]::new('--in-netns', '--in-netns', [CompletionResultType]::ParameterName, 'Put the device into the network namespace of this name (ip netns list); its UDP socket stays in the current one')
            [CompletionResult]::new('--bridge', '--bridge', [CompletionResultType]::ParameterName, 'Make the device a port of this bridge, which gets the address and is created if it is not there')
            [CompletionResult]::new('--generation', '--generation', [CompletionResultType]::ParameterName, 'Start with this generation of keys, on a node that lost its state or joins late')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Folder that keeps the generations and start counters of the keys')
            [CompletionResult]::new('--learn', '--learn', [CompletionResultType]::ParameterName, 'Learn addresses from the traffic, and send frames for unknown ones to every peer')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the steps that would be taken, and change nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the steps as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay;down' {
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Folder that keeps the generations and start counters of the keys')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Take down every network that ovlsniff overlay built')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the steps that would be taken, and change nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the steps as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay;status' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay;rotate' {
            [CompletionResult]::new('--step', '--step', [CompletionResultType]::ParameterName, 'Step to take [default: send, or drop if the new keys are in use already]')
            [CompletionResult]::new('--due', '--due', [CompletionResultType]::ParameterName, 'For a timer: drop old keys when possible, follow the peers, take new keys when the last are this old: 12h, 7d')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'File with the secret [default: the one that overlay up was given]')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Folder that keeps the generations and start counters of the keys')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Do not wait for peers that were not heard from; they may lose packets until they rotate too')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the steps that would be taken, and change nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the steps as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ovlsniff;overlay;keygen' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the secret to this new file instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the secret to this new file instead of standard output')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;ngrep' {
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Show N packets of the same flow after each match')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Interface to listen on: a name, or any [default: those that carry overlays, else that of the default route]')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Search this capture file instead; - is standard input')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'Write the packets that are shown to this file; - is standard output, without the text')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Stop after N matched packets; 0 is no limit')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Capture at most this many bytes of a frame [default: 256K]')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Search and print at most this many bytes of a payload')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Format in which the payload is printed')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Width of a line in columns, at least 6 [default: that of the terminal, else 80]')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Character that stands for a byte that cannot be printed')
            [CompletionResult]::new('-F', '-F ', [CompletionResultType]::ParameterName, 'Read the filter from this file')
            [CompletionResult]::new('-K', '-K ', [CompletionResultType]::ParameterName, 'Refused: this program sends nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print no marks; twice: no banner; three times: headers only')
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Show packets without a payload too')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Ignore case')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show the packets that do not match')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Match whole words only')
            [CompletionResult]::new('-X', '-X ', [CompletionResultType]::ParameterName, 'Read the pattern as bytes in hex')
            [CompletionResult]::new('-M', '-M ', [CompletionResultType]::ParameterName, 'Do not let . match the end of a line')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Print the payload as a hex dump')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Do not put the interface into promiscuous mode')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Flush the output after every line')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'Show the packets of a file at the pace at which they were captured')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Print the date and time of each packet')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Print the time since the last packet shown; twice: since the first')
            [CompletionResult]::new('-R', '-R ', [CompletionResultType]::ParameterName, 'Stay root instead of becoming nobody')
            [CompletionResult]::new('-C', '-C ', [CompletionResultType]::ParameterName, 'Colour the match')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Print UTF-8 characters instead of replacing their bytes')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Show the names of containers before their addresses')
            [CompletionResult]::new('-N', '-N ', [CompletionResultType]::ParameterName, 'Print the number of the protocol behind its letter')
            [CompletionResult]::new('--tunnels', '--tunnels', [CompletionResultType]::ParameterName, 'Look into tunnels, as grep mode does: the innermost packet is searched and shown')
            [CompletionResult]::new('-L', '-L ', [CompletionResultType]::ParameterName, 'Refused: ngrep has it on Windows only')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print the version')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;man' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;help' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
