# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ovlsniff_global_optspecs
    string join \n e/regexp= y/ignore-case w/word-regexp v/invert-match X/hex stream window= inner= vni= i/interface= r/read= netns= direction= p/no-promiscuous s/snaplen= buffer= vxlan-port= geneve-port= fou-port= sa= decrypt threads= Z/user= no-drop D/list n/count= A/after= B/before= O/write= decap W/shape= x/hexdump S/depth= P/replacement= c/columns= u/utf8 t/time T/relative-time q/quiet marks= resolve json all color= l/line-buffered h/help V/version
end

function __fish_ovlsniff_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_ovlsniff_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_ovlsniff_using_subcommand
    set -l cmd (__fish_ovlsniff_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s e -l regexp -l pattern -d 'Pattern (repeatable: any of them may match); all other words are then the filter' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l window -d 'With --stream, the longest match: 1K to 16M [default: 64K]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l inner -d 'Filter on the innermost frame: \'host 10.0.1.3 and port 80\'' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l vni -d 'Search only this virtual network: 4097 or 0x1001 (repeatable); encrypted packets show no VNI and still count' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s i -s d -l interface -d 'Interface to listen on (repeatable): a name, any, or auto for those that carry overlays [default: auto]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s r -s I -l read -d 'Search this capture file instead (repeatable): pcap or pcapng, also in gzip or zstd; - is standard input' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l netns -d 'Network namespace to listen in: a name, a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l direction -d 'Capture only the frames that this host receives (in) or sends (out)' -r -f -a "in\t''
out\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s s -l snaplen -d 'Capture at most this many bytes of a frame: 64, 64K [default: 256K]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l buffer -d 'Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l vxlan-port -d 'Another UDP port that carries VXLAN, beside 4789, 8472 and, live, those of this host\'s devices (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l geneve-port -d 'Another UDP port that carries Geneve, beside 6081 and, live, those of this host\'s devices (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l fou-port -d 'A UDP port that carries FOU or GUE, beside GUE\'s 6080 and, live, the kernel\'s (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l sa -d 'Open ESP with the keys of this file: Wireshark\'s esp_sa table, or output of \'ip xfrm state\' (repeatable)' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l threads -d 'Threads that search a capture file; the output is that of one [default: the processors, at most 4, for a plain pcap file of some MiB]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s Z -l user -d 'User to become in place of root, once everything is open [default: nobody]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s n -l count -d 'Stop after N matched packets; 0 is no limit' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s A -l after -d 'Show N packets of the same flow after each match; with --stream, N lines of the stream' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s B -l before -d 'Show N packets of the same flow before each match; with --stream, N lines of the stream' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s O -l write -d 'Write the matched packets to this file: pcap, or pcapng by its ending; - is standard output, without the text' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s W -l shape -d 'Format in which the payload is printed' -r -f -a "normal\t''
byline\t''
single\t''
none\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s S -l depth -d 'Search and print at most this many bytes of a payload: 64, 4K' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s P -l replacement -d 'Character that stands for a byte that cannot be printed' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s c -l columns -d 'Width of a line in columns [default: that of the terminal, else 80]' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l marks -d 'Marks for packets that are not shown. opaque: # for an encrypted packet, ? for one that is not decoded, . for any other; ngrep: # for each' -r -f -a "opaque\t''
ngrep\t''
none\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l color -d 'Colour the matches, and make header lines bold' -r -f -a "auto\t''
always\t''
never\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s y -l ignore-case -d 'Ignore case'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s w -l word-regexp -d 'Match whole words only'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s v -l invert-match -d 'Show the packets that do not match'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s X -l hex -d 'Read the pattern as bytes in hex, with ?? for any byte: \'4745 5420\', \'0x45??00\''
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l stream -d 'Search TCP in streams, not in packets: each direction of a connection as its receiver reads it'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s p -l no-promiscuous -d 'Do not put the interface into promiscuous mode'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l decrypt -d 'Open ESP with the keys of this host\'s kernel'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l no-drop -d 'Stay root instead of becoming another user'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s D -l list -d 'List the interfaces, and mark those that auto would choose'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l decap -d 'With -O, write the innermost frames instead of the captured ones'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s x -l hexdump -d 'Print the payload as a hex dump'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s u -l utf8 -d 'Print UTF-8 characters instead of replacing their bytes'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s t -l time -d 'Print the date and time of each packet'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s T -l relative-time -d 'Print the time since the last packet shown; twice: since the first'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s q -l quiet -d 'Print no marks and no banner; twice: headers only'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l resolve -d 'Show the names of containers, services and networks beside addresses, as this host\'s Docker or Podman engine knows them now'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l json -d 'Print one JSON object a line (JSON Lines)'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l all -d 'Show every packet, also encrypted and empty ones'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s l -l line-buffered -d 'Flush the output after every packet'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s V -l version -d 'Print version'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "verify" -d 'Check whether an overlay network is really encrypted'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "interfaces" -d 'List the interfaces, and mark those that auto would choose (also: -D)'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "keys" -d 'Write the kernel\'s IPsec keys for Wireshark'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "overlay" -d 'Build VXLAN links between nodes, in clear or inside IPsec'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "ngrep" -d 'Grep the network with ngrep\'s options (also when called as ngrep)'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "completions" -d 'Print the completion script of a shell'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "man" -d 'Print the manual page of the program or of one command'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "help" -d 'Print the help of the program or of one command'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l net -d 'Name of the network in ovlsniff overlay or in Docker, or of its VXLAN device' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l vni -d 'VNI of the network, with or without --net: 4097 or 0x1001 (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l peer -d 'Underlay address of another node (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l vxlan-port -d 'UDP port of the network\'s VXLAN' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l geneve-port -d 'UDP port of the network\'s Geneve' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l local -d 'Underlay address of this node (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l docker-inspect -d 'Read the Docker network from this file, the output of \'docker network inspect\'' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l expect -d 'State that the network should be in' -r -f -a "encrypted\t''
clear\t''"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l require -d 'Nodes that count for the verdict on the network' -r -f -a "all\t''
reachable\t''"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l accept -d 'Finding to live with, such as not-enforced (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l for -d 'Time to watch: 10s, 1m30s, 500ms; at most a day' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l target -d 'Overlay address to probe (repeatable) [default: found from the kernel\'s tables]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l control -d 'Network known to be in clear, as a control: if its canary is not seen, the capture is at fault' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l watch -d 'Repeat at this interval, with one verdict each time: 30s, 5m, 1h; at most a day' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s i -l interface -d 'Interface of the underlay on which the proof is looked for (repeatable); all are watched for leaks [default: all]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l netns -d 'Network namespace of the underlay: a name, a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l buffer -d 'Size of the ring between kernel and program, per interface: 64K, 64M [default: 32M]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s r -l read -d 'Judge this capture file instead of live traffic: pcap or pcapng' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l sa -d 'File with keys of SAs, beside the kernel\'s: Wireshark\'s esp_sa, or output of \'ip xfrm state\' (repeatable)' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l format -d 'Format of the report; with nagios, the exit status is 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN, of errors too' -r -f -a "text\t''
json\t''
junit\t''
nagios\t''
prometheus\t''"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s o -l output -d 'Write the report to this file, whole or not at all; with --watch, each verdict replaces it [default: standard output]' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l node -d 'Name of this node in the report [default: the host\'s]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l all -d 'Every overlay network of this host: Docker\'s and ovlsniff\'s, and VXLAN, Geneve and WireGuard devices in all namespaces'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l passive -d 'Send no probe, and judge the traffic that passes by'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l json -d 'Print the report as JSON, as --format json does'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand interfaces" -l netns -d 'Network namespace to look at: a name of \'ip netns list\', a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand interfaces" -l json -d 'Print one JSON object a line, one for each interface and for each overlay network'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand interfaces" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -s o -l output -d 'File to write, readable by its owner only; - is standard output, the default' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l sa -d 'Take the SAs from this file instead of from the kernel (repeatable)' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l netns -d 'Network namespace to take the SAs from: a name, a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l wireshark -d 'Write Wireshark\'s table esp_sa, a file of its profile folder'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l force -d 'Print the keys even to a terminal'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "up" -d 'Build a network, or all networks of a file; a second run changes nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "down" -d 'Take networks down, and remove only what ovlsniff overlay built'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "status" -d 'Show the networks as the kernel has them; exit status 1 if anything is missing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "rotate" -d 'Move encrypted networks to new keys without losing a packet'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "keygen" -d 'Make a new secret, one file (mode 0600) for all nodes'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -s f -l file -d 'TOML file with all nodes and networks' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l node -d 'Name of this node in the file [default: the node with an underlay address of this host]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l vni -d 'VXLAN network identifier, 1 to 16777215: 4097 or 0x1001' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l local -d 'This node\'s underlay address' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l peer -d 'Underlay address of another node (repeatable), with its overlay address if that is known: 192.0.2.2=10.0.1.2' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l addr -d 'This node\'s address in the overlay, with the length of its prefix: 10.0.1.1/24' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l opt -d 'Option as in Docker\'s --opt: encrypted, com.docker.network.driver.mtu=MTU; also cipher=NAME, mtu=MTU, port=PORT' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l key -d 'File with the secret of an encrypted network, made by keygen' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l port -d 'UDP port, the same on every node [default: 4789, or 14789 + VNI mod 16384 if encrypted]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l mtu -d 'MTU of the device [default: the largest that fits the underlay]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l in-netns -d 'Put the device into the network namespace of this name (ip netns list); its UDP socket stays in the current one' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l bridge -d 'Make the device a port of this bridge, which gets the address and is created if it is not there' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l generation -d 'Start with this generation of keys, on a node that lost its state or joins late' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l state -d 'Folder that keeps the generations and start counters of the keys' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l learn -d 'Learn addresses from the traffic, and send frames for unknown ones to every peer'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l dry-run -d 'Print the steps that would be taken, and change nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l json -d 'Print the steps as one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l state -d 'Folder that keeps the generations and start counters of the keys' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l all -d 'Take down every network that ovlsniff overlay built'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l dry-run -d 'Print the steps that would be taken, and change nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l json -d 'Print the steps as one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from status" -l json -d 'Print one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l step -d 'Step to take [default: send, or drop if the new keys are in use already]' -r -f -a "prepare\t'Accept the keys that peers may send with next'
send\t'Send with the new keys'
drop\t'Stop accepting the old keys'"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l due -d 'For a timer: drop old keys when possible, follow the peers, take new keys when the last are this old: 12h, 7d' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l key -d 'File with the secret [default: the one that overlay up was given]' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l state -d 'Folder that keeps the generations and start counters of the keys' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l force -d 'Do not wait for peers that were not heard from; they may lose packets until they rotate too'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l dry-run -d 'Print the steps that would be taken, and change nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l json -d 'Print the steps as one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from keygen" -s o -l output -d 'Write the secret to this new file instead of standard output' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from keygen" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s A -d 'Show N packets of the same flow after each match' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s d -d 'Interface to listen on: a name, or any [default: those that carry overlays, else that of the default route]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s I -d 'Search this capture file instead; - is standard input' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s O -d 'Write the packets that are shown to this file; - is standard output, without the text' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s n -d 'Stop after N matched packets; 0 is no limit' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s s -d 'Capture at most this many bytes of a frame [default: 256K]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s S -d 'Search and print at most this many bytes of a payload' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s W -d 'Format in which the payload is printed' -r -f -a "normal\t''
byline\t''
single\t''
none\t''"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s c -d 'Width of a line in columns, at least 6 [default: that of the terminal, else 80]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s P -d 'Character that stands for a byte that cannot be printed' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s F -d 'Read the filter from this file' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s K -d 'Refused: this program sends nothing' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s q -d 'Print no marks; twice: no banner; three times: headers only'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s e -d 'Show packets without a payload too'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s i -d 'Ignore case'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s v -d 'Show the packets that do not match'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s w -d 'Match whole words only'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s X -d 'Read the pattern as bytes in hex'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s M -d 'Do not let . match the end of a line'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s x -d 'Print the payload as a hex dump'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s p -d 'Do not put the interface into promiscuous mode'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s l -d 'Flush the output after every line'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s D -d 'Show the packets of a file at the pace at which they were captured'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s t -d 'Print the date and time of each packet'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s T -d 'Print the time since the last packet shown; twice: since the first'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s R -d 'Stay root instead of becoming nobody'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s C -d 'Colour the match'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s u -d 'Print UTF-8 characters instead of replacing their bytes'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s r -d 'Show the names of containers before their addresses'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s N -d 'Print the number of the protocol behind its letter'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -l tunnels -d 'Look into tunnels, as grep mode does: the innermost packet is searched and shown'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s L -d 'Refused: ngrep has it on Windows only'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s V -d 'Print the version'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand ngrep" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand completions" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand man" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand help" -s h -l help -d 'Print help'
