
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
            [CompletionResult]::new('-e', '-e', [CompletionResultType]::ParameterName, 'Pattern; all words are the filter then (repeatable: any of them)')
            [CompletionResult]::new('--inner', '--inner', [CompletionResultType]::ParameterName, 'Filter on the innermost frame: ''host 10.0.1.3 and port 80''')
            [CompletionResult]::new('--vni', '--vni', [CompletionResultType]::ParameterName, 'Only these virtual networks, 4097 or 0x1001 (repeatable); what is encrypted still counts, its VNI cannot be seen')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input')
            [CompletionResult]::new('-I', '-I ', [CompletionResultType]::ParameterName, 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input')
            [CompletionResult]::new('--read', '--read', [CompletionResultType]::ParameterName, 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input')
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace: a name, a path, or a process id')
            [CompletionResult]::new('--direction', '--direction', [CompletionResultType]::ParameterName, 'Only what goes this way')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Bytes captured of a frame: 64, 64K')
            [CompletionResult]::new('--buffer', '--buffer', [CompletionResultType]::ParameterName, 'Ring between kernel and program, per interface: 64K, 32M')
            [CompletionResult]::new('--vxlan-port', '--vxlan-port', [CompletionResultType]::ParameterName, 'One more UDP port that is VXLAN, beside 4789 and 8472 (repeatable)')
            [CompletionResult]::new('--geneve-port', '--geneve-port', [CompletionResultType]::ParameterName, 'One more UDP port that is Geneve, beside 6081 (repeatable)')
            [CompletionResult]::new('--sa', '--sa', [CompletionResultType]::ParameterName, 'Keys to open ESP with: Wireshark''s esp_sa table, or what ''ip xfrm state'' printed (repeatable)')
            [CompletionResult]::new('-Z', '-Z ', [CompletionResultType]::ParameterName, 'User to become once all is open, when root; nobody by default')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'User to become once all is open, when root; nobody by default')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Stop after so many matched packets')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after so many matched packets')
            [CompletionResult]::new('-A', '-A ', [CompletionResultType]::ParameterName, 'Packets of the same flow after a match')
            [CompletionResult]::new('-B', '-B ', [CompletionResultType]::ParameterName, 'Packets of the same flow before a match')
            [CompletionResult]::new('-O', '-O ', [CompletionResultType]::ParameterName, 'Write matched packets to a file: pcap, or pcapng by name; - is standard output, nothing else goes there then')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Write matched packets to a file: pcap, or pcapng by name; - is standard output, nothing else goes there then')
            [CompletionResult]::new('-W', '-W ', [CompletionResultType]::ParameterName, 'Shape of the payload')
            [CompletionResult]::new('-S', '-S ', [CompletionResultType]::ParameterName, 'Bytes of a payload that are searched and shown: 64, 4K')
            [CompletionResult]::new('-P', '-P ', [CompletionResultType]::ParameterName, 'Character for what cannot be printed')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Columns of a line')
            [CompletionResult]::new('--columns', '--columns', [CompletionResultType]::ParameterName, 'Columns of a line')
            [CompletionResult]::new('--marks', '--marks', [CompletionResultType]::ParameterName, 'Marks for packets that are not shown. opaque: # when nobody can read it, . when it did not match; ngrep: # for each')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'Colour the matches')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Upper and lower case are the same')
            [CompletionResult]::new('--ignore-case', '--ignore-case', [CompletionResultType]::ParameterName, 'Upper and lower case are the same')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'The match must be a whole word')
            [CompletionResult]::new('--word-regexp', '--word-regexp', [CompletionResultType]::ParameterName, 'The match must be a whole word')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Packets that do not match')
            [CompletionResult]::new('--invert-match', '--invert-match', [CompletionResultType]::ParameterName, 'Packets that do not match')
            [CompletionResult]::new('-X', '-X ', [CompletionResultType]::ParameterName, 'The pattern is bytes in hex, ?? any byte: ''4745 5420'', ''0x45??00''')
            [CompletionResult]::new('--hex', '--hex', [CompletionResultType]::ParameterName, 'The pattern is bytes in hex, ?? any byte: ''4745 5420'', ''0x45??00''')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Not promiscuous')
            [CompletionResult]::new('--decrypt', '--decrypt', [CompletionResultType]::ParameterName, 'Open ESP with the keys of this host''s kernel')
            [CompletionResult]::new('--no-drop', '--no-drop', [CompletionResultType]::ParameterName, 'Stay root')
            [CompletionResult]::new('-D', '-D ', [CompletionResultType]::ParameterName, 'List the interfaces and what auto would choose')
            [CompletionResult]::new('--decap', '--decap', [CompletionResultType]::ParameterName, 'Write the innermost frames instead')
            [CompletionResult]::new('-x', '-x', [CompletionResultType]::ParameterName, 'Hexdump')
            [CompletionResult]::new('-u', '-u', [CompletionResultType]::ParameterName, 'Print UTF-8 as it is')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Time stamps')
            [CompletionResult]::new('-T', '-T ', [CompletionResultType]::ParameterName, 'Time since the last packet shown; twice: since the first')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No marks, no banner; twice: headers only')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a line')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show every packet, opaque and empty ones too')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Flush after every packet')
            [CompletionResult]::new('--line-buffered', '--line-buffered', [CompletionResultType]::ParameterName, 'Flush after every packet')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Is this overlay really encrypted?')
            [CompletionResult]::new('interfaces', 'interfaces', [CompletionResultType]::ParameterValue, 'What can be sniffed, and what auto would choose (also: -D)')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'Write the kernel''s IPsec keys for Wireshark')
            [CompletionResult]::new('overlay', 'overlay', [CompletionResultType]::ParameterValue, 'Build VXLAN links between nodes, plain and inside IPsec')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Write the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the manual page, of the program or of one command')
            break
        }
        'ovlsniff;verify' {
            [CompletionResult]::new('--net', '--net', [CompletionResultType]::ParameterName, 'A network of ovlsniff overlay, a Docker overlay network, or a VXLAN device')
            [CompletionResult]::new('--vni', '--vni', [CompletionResultType]::ParameterName, 'Its VNI, 4097 or 0x1001 (repeatable), without or beside a name')
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'Underlay address of another node (repeatable)')
            [CompletionResult]::new('--vxlan-port', '--vxlan-port', [CompletionResultType]::ParameterName, 'Its UDP port')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'Underlay address of this node (repeatable)')
            [CompletionResult]::new('--docker-inspect', '--docker-inspect', [CompletionResultType]::ParameterName, 'Read a Docker network from what `docker network inspect` printed')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'What the network is to be')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'How long to watch: 10s, 1m30s, 500ms; at most a day')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'Overlay address to probe (repeatable); found out by itself otherwise')
            [CompletionResult]::new('--control', '--control', [CompletionResultType]::ParameterName, 'A network known to be clear: its canary must be seen, else the capture is at fault')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Go on, one verdict each time: every 30s, 5m, 1h; at most a day')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Interface of the underlay (repeatable); found out by itself otherwise')
            [CompletionResult]::new('--interface', '--interface', [CompletionResultType]::ParameterName, 'Interface of the underlay (repeatable); found out by itself otherwise')
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace of the underlay: a name, a path, or a process id')
            [CompletionResult]::new('--buffer', '--buffer', [CompletionResultType]::ParameterName, 'Ring between kernel and program, per interface: 64K, 32M')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Judge a capture file instead: pcap or pcapng')
            [CompletionResult]::new('--read', '--read', [CompletionResultType]::ParameterName, 'Judge a capture file instead: pcap or pcapng')
            [CompletionResult]::new('--sa', '--sa', [CompletionResultType]::ParameterName, 'Keys of the SAs: Wireshark''s esp_sa or what `ip xfrm state` printed (repeatable); the kernel''s own by itself')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'text or json')
            [CompletionResult]::new('--passive', '--passive', [CompletionResultType]::ParameterName, 'Send no probe, judge what passes by')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;interfaces' {
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Look into another network namespace: a name of `ip netns list`, a path or a PID')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a line for each interface')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;keys' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'File to write, readable by its owner only; standard output without it, or with ''-''')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'File to write, readable by its owner only; standard output without it, or with ''-''')
            [CompletionResult]::new('--sa', '--sa', [CompletionResultType]::ParameterName, 'SAs of this file instead of the kernel''s (repeatable)')
            [CompletionResult]::new('--netns', '--netns', [CompletionResultType]::ParameterName, 'Network namespace: a name, a path, or a process id')
            [CompletionResult]::new('--wireshark', '--wireshark', [CompletionResultType]::ParameterName, 'As Wireshark''s table esp_sa, which its profile folder holds')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Write keys to a terminal too')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Build a network, or all networks of a file; a second time changes nothing')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Take networks down; what is not ours stays')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'What the kernel says of our networks; 1 when something is missing')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Move encrypted networks to new keys without losing a packet')
            [CompletionResult]::new('keygen', 'keygen', [CompletionResultType]::ParameterValue, 'Write a new secret, the same file for every node, to a file (mode 0600)')
            break
        }
        'ovlsniff;overlay;up' {
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'A TOML file with all nodes and networks')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'A TOML file with all nodes and networks')
            [CompletionResult]::new('--node', '--node', [CompletionResultType]::ParameterName, 'Which node of the file this is, when its underlay address does not tell')
            [CompletionResult]::new('--vni', '--vni', [CompletionResultType]::ParameterName, 'VXLAN network identifier, 1 to 16777215: 4097 or 0x1001')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'This node''s underlay address')
            [CompletionResult]::new('--peer', '--peer', [CompletionResultType]::ParameterName, 'Another node''s underlay address (repeatable), with its address in the network where it is known: 192.0.2.2=10.0.1.2')
            [CompletionResult]::new('--addr', '--addr', [CompletionResultType]::ParameterName, 'This node''s address in the network')
            [CompletionResult]::new('--opt', '--opt', [CompletionResultType]::ParameterName, 'What Docker''s --opt takes: encrypted, com.docker.network.driver.mtu=MTU; and cipher=NAME, mtu=MTU, port=PORT')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The secret of an encrypted network, from keygen')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'UDP port, the same on every node [default: 4789, encrypted 14789 + VNI mod 16384]')
            [CompletionResult]::new('--mtu', '--mtu', [CompletionResultType]::ParameterName, 'MTU of the device [default: the largest that fits the underlay]')
            [CompletionResult]::new('--in-netns', '--in-netns', [CompletionResultType]::ParameterName, 'Put the device into this network namespace; its socket stays here')
            [CompletionResult]::new('--bridge', '--bridge', [CompletionResultType]::ParameterName, 'Make the device a port of this bridge, which gets the address and is made if need be')
            [CompletionResult]::new('--generation', '--generation', [CompletionResultType]::ParameterName, 'Begin with this generation of keys, for a node whose state was lost or that joins late')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Where the start counters are kept')
            [CompletionResult]::new('--learn', '--learn', [CompletionResultType]::ParameterName, 'Learn addresses from the traffic and flood what is unknown')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done, and do nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print it as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay;down' {
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Where the start counters are kept')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every network of ours')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done, and do nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print it as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay;status' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'ovlsniff;overlay;rotate' {
            [CompletionResult]::new('--step', '--step', [CompletionResultType]::ParameterName, 'What to do [default: send, or drop when new keys are already sent with]')
            [CompletionResult]::new('--due', '--due', [CompletionResultType]::ParameterName, 'For a timer: drop old keys when that can be, follow peers, send with new keys when the last are this old: 12h, 7d')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The secret [default: where it lay at overlay up]')
            [CompletionResult]::new('--state', '--state', [CompletionResultType]::ParameterName, 'Where the start counters are kept')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Do not wait for peers that were not heard: they may lose packets until they rotate, too')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print what would be done, and do nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print it as one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'ovlsniff;overlay;keygen' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this new file instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this new file instead of standard output')
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
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
