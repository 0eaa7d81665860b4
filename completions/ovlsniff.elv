
use builtin;
use str;

set edit:completion:arg-completer[ovlsniff] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'ovlsniff'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'ovlsniff'= {
            cand -e 'Pattern; all words are the filter then (repeatable: any of them)'
            cand --inner 'Filter on the innermost frame: ''host 10.0.1.3 and port 80'''
            cand --vni 'Only these virtual networks, 4097 or 0x1001 (repeatable); what is encrypted still counts, its VNI cannot be seen'
            cand -i 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays'
            cand -d 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays'
            cand --interface 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays'
            cand -r 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input'
            cand -I 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input'
            cand --read 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input'
            cand --netns 'Network namespace: a name, a path, or a process id'
            cand --direction 'Only what goes this way'
            cand -s 'Bytes captured of a frame: 64, 64K'
            cand --buffer 'Ring between kernel and program, per interface: 64K, 32M'
            cand --vxlan-port 'One more UDP port that is VXLAN, beside 4789 and 8472 (repeatable)'
            cand --geneve-port 'One more UDP port that is Geneve, beside 6081 (repeatable)'
            cand --sa 'Keys to open ESP with: Wireshark''s esp_sa table, or what ''ip xfrm state'' printed (repeatable)'
            cand -Z 'User to become once all is open, when root; nobody by default'
            cand --user 'User to become once all is open, when root; nobody by default'
            cand -n 'Stop after so many matched packets'
            cand --count 'Stop after so many matched packets'
            cand -A 'Packets of the same flow after a match'
            cand -B 'Packets of the same flow before a match'
            cand -O 'Write matched packets to a file: pcap, or pcapng by name; - is standard output, nothing else goes there then'
            cand --write 'Write matched packets to a file: pcap, or pcapng by name; - is standard output, nothing else goes there then'
            cand -W 'Shape of the payload'
            cand -S 'Bytes of a payload that are searched and shown: 64, 4K'
            cand -P 'Character for what cannot be printed'
            cand -c 'Columns of a line'
            cand --columns 'Columns of a line'
            cand --marks 'Marks for packets that are not shown. opaque: # when nobody can read it, . when it did not match; ngrep: # for each'
            cand --color 'Colour the matches'
            cand -y 'Upper and lower case are the same'
            cand --ignore-case 'Upper and lower case are the same'
            cand -w 'The match must be a whole word'
            cand --word-regexp 'The match must be a whole word'
            cand -v 'Packets that do not match'
            cand --invert-match 'Packets that do not match'
            cand -X 'The pattern is bytes in hex, ?? any byte: ''4745 5420'', ''0x45??00'''
            cand --hex 'The pattern is bytes in hex, ?? any byte: ''4745 5420'', ''0x45??00'''
            cand -p 'Not promiscuous'
            cand --decrypt 'Open ESP with the keys of this host''s kernel'
            cand --no-drop 'Stay root'
            cand -D 'List the interfaces and what auto would choose'
            cand --decap 'Write the innermost frames instead'
            cand -x 'Hexdump'
            cand -u 'Print UTF-8 as it is'
            cand -t 'Time stamps'
            cand -T 'Time since the last packet shown; twice: since the first'
            cand -q 'No marks, no banner; twice: headers only'
            cand --json 'One JSON object a line'
            cand --all 'Show every packet, opaque and empty ones too'
            cand -l 'Flush after every packet'
            cand --line-buffered 'Flush after every packet'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand verify 'Is this overlay really encrypted?'
            cand interfaces 'What can be sniffed, and what auto would choose (also: -D)'
            cand keys 'Write the kernel''s IPsec keys for Wireshark'
            cand overlay 'Build VXLAN links between nodes, plain and inside IPsec'
            cand completions 'Write the completions of a shell'
            cand man 'Write the manual page, of the program or of one command'
        }
        &'ovlsniff;verify'= {
            cand --net 'A network of ovlsniff overlay, a Docker overlay network, or a VXLAN device'
            cand --vni 'Its VNI, 4097 or 0x1001 (repeatable), without or beside a name'
            cand --peer 'Underlay address of another node (repeatable)'
            cand --vxlan-port 'Its UDP port'
            cand --local 'Underlay address of this node (repeatable)'
            cand --docker-inspect 'Read a Docker network from what `docker network inspect` printed'
            cand --expect 'What the network is to be'
            cand --for 'How long to watch: 10s, 1m30s, 500ms; at most a day'
            cand --target 'Overlay address to probe (repeatable); found out by itself otherwise'
            cand --control 'A network known to be clear: its canary must be seen, else the capture is at fault'
            cand --watch 'Go on, one verdict each time: every 30s, 5m, 1h; at most a day'
            cand -i 'Interface of the underlay (repeatable); found out by itself otherwise'
            cand --interface 'Interface of the underlay (repeatable); found out by itself otherwise'
            cand --netns 'Network namespace of the underlay: a name, a path, or a process id'
            cand --buffer 'Ring between kernel and program, per interface: 64K, 32M'
            cand -r 'Judge a capture file instead: pcap or pcapng'
            cand --read 'Judge a capture file instead: pcap or pcapng'
            cand --sa 'Keys of the SAs: Wireshark''s esp_sa or what `ip xfrm state` printed (repeatable); the kernel''s own by itself'
            cand --format 'text or json'
            cand --passive 'Send no probe, judge what passes by'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;interfaces'= {
            cand --netns 'Look into another network namespace: a name of `ip netns list`, a path or a PID'
            cand --json 'One JSON object a line for each interface'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;keys'= {
            cand -o 'File to write, readable by its owner only; standard output without it, or with ''-'''
            cand --output 'File to write, readable by its owner only; standard output without it, or with ''-'''
            cand --sa 'SAs of this file instead of the kernel''s (repeatable)'
            cand --netns 'Network namespace: a name, a path, or a process id'
            cand --wireshark 'As Wireshark''s table esp_sa, which its profile folder holds'
            cand --force 'Write keys to a terminal too'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand up 'Build a network, or all networks of a file; a second time changes nothing'
            cand down 'Take networks down; what is not ours stays'
            cand status 'What the kernel says of our networks; 1 when something is missing'
            cand rotate 'Move encrypted networks to new keys without losing a packet'
            cand keygen 'Write a new secret, the same file for every node, to a file (mode 0600)'
        }
        &'ovlsniff;overlay;up'= {
            cand -f 'A TOML file with all nodes and networks'
            cand --file 'A TOML file with all nodes and networks'
            cand --node 'Which node of the file this is, when its underlay address does not tell'
            cand --vni 'VXLAN network identifier, 1 to 16777215: 4097 or 0x1001'
            cand --local 'This node''s underlay address'
            cand --peer 'Another node''s underlay address (repeatable), with its address in the network where it is known: 192.0.2.2=10.0.1.2'
            cand --addr 'This node''s address in the network'
            cand --opt 'What Docker''s --opt takes: encrypted, com.docker.network.driver.mtu=MTU; and cipher=NAME, mtu=MTU, port=PORT'
            cand --key 'The secret of an encrypted network, from keygen'
            cand --port 'UDP port, the same on every node [default: 4789, encrypted 14789 + VNI mod 16384]'
            cand --mtu 'MTU of the device [default: the largest that fits the underlay]'
            cand --in-netns 'Put the device into this network namespace; its socket stays here'
            cand --bridge 'Make the device a port of this bridge, which gets the address and is made if need be'
            cand --generation 'Begin with this generation of keys, for a node whose state was lost or that joins late'
            cand --state 'Where the start counters are kept'
            cand --learn 'Learn addresses from the traffic and flood what is unknown'
            cand --dry-run 'Print what would be done, and do nothing'
            cand --json 'Print it as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay;down'= {
            cand --state 'Where the start counters are kept'
            cand --all 'Every network of ours'
            cand --dry-run 'Print what would be done, and do nothing'
            cand --json 'Print it as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay;status'= {
            cand --json 'One JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay;rotate'= {
            cand --step 'What to do [default: send, or drop when new keys are already sent with]'
            cand --due 'For a timer: drop old keys when that can be, follow peers, send with new keys when the last are this old: 12h, 7d'
            cand --key 'The secret [default: where it lay at overlay up]'
            cand --state 'Where the start counters are kept'
            cand --force 'Do not wait for peers that were not heard: they may lose packets until they rotate, too'
            cand --dry-run 'Print what would be done, and do nothing'
            cand --json 'Print it as one JSON document'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ovlsniff;overlay;keygen'= {
            cand -o 'Write to this new file instead of standard output'
            cand --output 'Write to this new file instead of standard output'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;man'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
    ]
    $completions[$command]
}
