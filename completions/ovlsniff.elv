
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
            cand -e 'Pattern (repeatable: any of them may match); all other words are then the filter'
            cand --regexp 'Pattern (repeatable: any of them may match); all other words are then the filter'
            cand --pattern 'Pattern (repeatable: any of them may match); all other words are then the filter'
            cand --inner 'Filter on the innermost frame: ''host 10.0.1.3 and port 80'''
            cand --vni 'Search only this virtual network: 4097 or 0x1001 (repeatable); encrypted packets show no VNI and still count'
            cand -i 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]'
            cand -d 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]'
            cand --interface 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]'
            cand -r 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input'
            cand -I 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input'
            cand --read 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input'
            cand --netns 'Network namespace to listen in: a name, a path, or a process id'
            cand --direction 'Capture only the frames that this host receives (in) or sends (out)'
            cand -s 'Capture at most this many bytes of a frame: 64, 64K [default: 256K]'
            cand --snaplen 'Capture at most this many bytes of a frame: 64, 64K [default: 256K]'
            cand --buffer 'Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]'
            cand --vxlan-port 'Another UDP port that carries VXLAN, beside 4789, 8472 and, live, those of this host''s devices (repeatable)'
            cand --geneve-port 'Another UDP port that carries Geneve, beside 6081 and, live, those of this host''s devices (repeatable)'
            cand --fou-port 'A UDP port that carries FOU or GUE, beside GUE''s 6080 and, live, the kernel''s (repeatable)'
            cand --sa 'Open ESP with the keys of this file: Wireshark''s esp_sa table, or output of ''ip xfrm state'' (repeatable)'
            cand --threads 'Threads that search a capture file; the output is that of one [default: the processors, at most 4, for a plain pcap file of some MiB]'
            cand -Z 'User to become in place of root, once everything is open [default: nobody]'
            cand --user 'User to become in place of root, once everything is open [default: nobody]'
            cand -n 'Stop after N matched packets; 0 is no limit'
            cand --count 'Stop after N matched packets; 0 is no limit'
            cand -A 'Show N packets of the same flow after each match'
            cand --after 'Show N packets of the same flow after each match'
            cand -B 'Show N packets of the same flow before each match'
            cand --before 'Show N packets of the same flow before each match'
            cand -O 'Write the matched packets to this file: pcap, or pcapng by its ending; - is standard output, without the text'
            cand --write 'Write the matched packets to this file: pcap, or pcapng by its ending; - is standard output, without the text'
            cand -W 'Format in which the payload is printed'
            cand --shape 'Format in which the payload is printed'
            cand -S 'Search and print at most this many bytes of a payload: 64, 4K'
            cand --depth 'Search and print at most this many bytes of a payload: 64, 4K'
            cand -P 'Character that stands for a byte that cannot be printed'
            cand --replacement 'Character that stands for a byte that cannot be printed'
            cand -c 'Width of a line in columns [default: that of the terminal, else 80]'
            cand --columns 'Width of a line in columns [default: that of the terminal, else 80]'
            cand --marks 'Marks for packets that are not shown. opaque: # for an encrypted packet, ? for one that is not decoded, . for any other; ngrep: # for each'
            cand --color 'Colour the matches, and make header lines bold'
            cand -y 'Ignore case'
            cand --ignore-case 'Ignore case'
            cand -w 'Match whole words only'
            cand --word-regexp 'Match whole words only'
            cand -v 'Show the packets that do not match'
            cand --invert-match 'Show the packets that do not match'
            cand -X 'Read the pattern as bytes in hex, with ?? for any byte: ''4745 5420'', ''0x45??00'''
            cand --hex 'Read the pattern as bytes in hex, with ?? for any byte: ''4745 5420'', ''0x45??00'''
            cand -p 'Do not put the interface into promiscuous mode'
            cand --no-promiscuous 'Do not put the interface into promiscuous mode'
            cand --decrypt 'Open ESP with the keys of this host''s kernel'
            cand --no-drop 'Stay root instead of becoming another user'
            cand -D 'List the interfaces, and mark those that auto would choose'
            cand --list 'List the interfaces, and mark those that auto would choose'
            cand --decap 'With -O, write the innermost frames instead of the captured ones'
            cand -x 'Print the payload as a hex dump'
            cand --hexdump 'Print the payload as a hex dump'
            cand -u 'Print UTF-8 characters instead of replacing their bytes'
            cand --utf8 'Print UTF-8 characters instead of replacing their bytes'
            cand -t 'Print the date and time of each packet'
            cand --time 'Print the date and time of each packet'
            cand -T 'Print the time since the last packet shown; twice: since the first'
            cand --relative-time 'Print the time since the last packet shown; twice: since the first'
            cand -q 'Print no marks and no banner; twice: headers only'
            cand --quiet 'Print no marks and no banner; twice: headers only'
            cand --json 'Print one JSON object a line (JSON Lines)'
            cand --all 'Show every packet, also encrypted and empty ones'
            cand -l 'Flush the output after every packet'
            cand --line-buffered 'Flush the output after every packet'
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand verify 'Check whether an overlay network is really encrypted'
            cand interfaces 'List the interfaces, and mark those that auto would choose (also: -D)'
            cand keys 'Write the kernel''s IPsec keys for Wireshark'
            cand overlay 'Build VXLAN links between nodes, in clear or inside IPsec'
            cand completions 'Print the completion script of a shell'
            cand man 'Print the manual page of the program or of one command'
            cand help 'Print the help of the program or of one command'
        }
        &'ovlsniff;verify'= {
            cand --net 'Name of the network in ovlsniff overlay or in Docker, or of its VXLAN device'
            cand --vni 'VNI of the network, with or without --net: 4097 or 0x1001 (repeatable)'
            cand --peer 'Underlay address of another node (repeatable)'
            cand --vxlan-port 'UDP port of the network''s VXLAN'
            cand --geneve-port 'UDP port of the network''s Geneve'
            cand --local 'Underlay address of this node (repeatable)'
            cand --docker-inspect 'Read the Docker network from this file, the output of ''docker network inspect'''
            cand --expect 'State that the network should be in'
            cand --require 'Nodes that count for the verdict on the network'
            cand --accept 'Finding to live with, such as not-enforced (repeatable)'
            cand --for 'Time to watch: 10s, 1m30s, 500ms; at most a day'
            cand --target 'Overlay address to probe (repeatable) [default: found from the kernel''s tables]'
            cand --control 'Network known to be in clear, as a control: if its canary is not seen, the capture is at fault'
            cand --watch 'Repeat at this interval, with one verdict each time: 30s, 5m, 1h; at most a day'
            cand -i 'Interface of the underlay on which the proof is looked for (repeatable); all are watched for leaks [default: all]'
            cand --interface 'Interface of the underlay on which the proof is looked for (repeatable); all are watched for leaks [default: all]'
            cand --netns 'Network namespace of the underlay: a name, a path, or a process id'
            cand --buffer 'Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]'
            cand -r 'Judge this capture file instead of live traffic: pcap or pcapng'
            cand --read 'Judge this capture file instead of live traffic: pcap or pcapng'
            cand --sa 'File with keys of SAs, beside the kernel''s: Wireshark''s esp_sa, or output of ''ip xfrm state'' (repeatable)'
            cand --format 'Format of the report'
            cand --all 'Every overlay network of this host: Docker''s and ovlsniff''s, and VXLAN, Geneve and WireGuard devices in all namespaces'
            cand --passive 'Send no probe, and judge the traffic that passes by'
            cand --json 'Print the report as JSON, as --format json does'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;interfaces'= {
            cand --netns 'Network namespace to look at: a name of ''ip netns list'', a path, or a process id'
            cand --json 'Print one JSON object a line, one for each interface and for each overlay network'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;keys'= {
            cand -o 'File to write, readable by its owner only; - is standard output, the default'
            cand --output 'File to write, readable by its owner only; - is standard output, the default'
            cand --sa 'Take the SAs from this file instead of from the kernel (repeatable)'
            cand --netns 'Network namespace to take the SAs from: a name, a path, or a process id'
            cand --wireshark 'Write Wireshark''s table esp_sa, a file of its profile folder'
            cand --force 'Print the keys even to a terminal'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand up 'Build a network, or all networks of a file; a second run changes nothing'
            cand down 'Take networks down, and remove only what ovlsniff overlay built'
            cand status 'Show the networks as the kernel has them; exit status 1 if anything is missing'
            cand rotate 'Move encrypted networks to new keys without losing a packet'
            cand keygen 'Make a new secret, one file (mode 0600) for all nodes'
        }
        &'ovlsniff;overlay;up'= {
            cand -f 'TOML file with all nodes and networks'
            cand --file 'TOML file with all nodes and networks'
            cand --node 'Name of this node in the file [default: the node with an underlay address of this host]'
            cand --vni 'VXLAN network identifier, 1 to 16777215: 4097 or 0x1001'
            cand --local 'This node''s underlay address'
            cand --peer 'Underlay address of another node (repeatable), with its overlay address if that is known: 192.0.2.2=10.0.1.2'
            cand --addr 'This node''s address in the overlay, with the length of its prefix: 10.0.1.1/24'
            cand --opt 'Option as in Docker''s --opt: encrypted, com.docker.network.driver.mtu=MTU; also cipher=NAME, mtu=MTU, port=PORT'
            cand --key 'File with the secret of an encrypted network, made by keygen'
            cand --port 'UDP port, the same on every node [default: 4789, or 14789 + VNI mod 16384 if encrypted]'
            cand --mtu 'MTU of the device [default: the largest that fits the underlay]'
            cand --in-netns 'Put the device into the network namespace of this name (ip netns list); its UDP socket stays in the current one'
            cand --bridge 'Make the device a port of this bridge, which gets the address and is created if it is not there'
            cand --generation 'Start with this generation of keys, on a node that lost its state or joins late'
            cand --state 'Folder that keeps the generations and start counters of the keys'
            cand --learn 'Learn addresses from the traffic, and send frames for unknown ones to every peer'
            cand --dry-run 'Print the steps that would be taken, and change nothing'
            cand --json 'Print the steps as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay;down'= {
            cand --state 'Folder that keeps the generations and start counters of the keys'
            cand --all 'Take down every network that ovlsniff overlay built'
            cand --dry-run 'Print the steps that would be taken, and change nothing'
            cand --json 'Print the steps as one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay;status'= {
            cand --json 'Print one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;overlay;rotate'= {
            cand --step 'Step to take [default: send, or drop if the new keys are in use already]'
            cand --due 'For a timer: drop old keys when possible, follow the peers, take new keys when the last are this old: 12h, 7d'
            cand --key 'File with the secret [default: the one that overlay up was given]'
            cand --state 'Folder that keeps the generations and start counters of the keys'
            cand --force 'Do not wait for peers that were not heard from; they may lose packets until they rotate too'
            cand --dry-run 'Print the steps that would be taken, and change nothing'
            cand --json 'Print the steps as one JSON document'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'ovlsniff;overlay;keygen'= {
            cand -o 'Write the secret to this new file instead of standard output'
            cand --output 'Write the secret to this new file instead of standard output'
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
        &'ovlsniff;help'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
    ]
    $completions[$command]
}
