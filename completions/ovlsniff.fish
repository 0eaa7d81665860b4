# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_ovlsniff_global_optspecs
    string join \n e= y/ignore-case w/word-regexp v/invert-match X/hex inner= vni= i/interface= r/read= netns= direction= p s= buffer= vxlan-port= geneve-port= sa= decrypt Z/user= no-drop D n/count= A= B= O/write= decap W= x S= P= c/columns= u t T q marks= json all color= l/line-buffered h/help V/version
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

complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s e -d 'Pattern; all words are the filter then (repeatable: any of them)' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l inner -d 'Filter on the innermost frame: \'host 10.0.1.3 and port 80\'' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l vni -d 'Only these virtual networks, 4097 or 0x1001 (repeatable); what is encrypted still counts, its VNI cannot be seen' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s i -s d -l interface -d 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s r -s I -l read -d 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l netns -d 'Network namespace: a name, a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l direction -d 'Only what goes this way' -r -f -a "in\t''
out\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s s -d 'Bytes captured of a frame: 64, 64K' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l buffer -d 'Ring between kernel and program, per interface: 64K, 32M' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l vxlan-port -d 'One more UDP port that is VXLAN, beside 4789 and 8472 (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l geneve-port -d 'One more UDP port that is Geneve, beside 6081 (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l sa -d 'Keys to open ESP with: Wireshark\'s esp_sa table, or what \'ip xfrm state\' printed (repeatable)' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s Z -l user -d 'User to become once all is open, when root; nobody by default' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s n -l count -d 'Stop after so many matched packets' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s A -d 'Packets of the same flow after a match' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s B -d 'Packets of the same flow before a match' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s O -l write -d 'Write matched packets to a file: pcap, or pcapng by name; - is standard output, nothing else goes there then' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s W -d 'Shape of the payload' -r -f -a "normal\t''
byline\t''
single\t''
none\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s S -d 'Bytes of a payload that are searched and shown: 64, 4K' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s P -d 'Character for what cannot be printed' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s c -l columns -d 'Columns of a line' -r
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l marks -d 'Marks for packets that are not shown. opaque: # when nobody can read it, . when it did not match; ngrep: # for each' -r -f -a "opaque\t''
ngrep\t''
none\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l color -d 'Colour the matches' -r -f -a "auto\t''
always\t''
never\t''"
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s y -l ignore-case -d 'Upper and lower case are the same'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s w -l word-regexp -d 'The match must be a whole word'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s v -l invert-match -d 'Packets that do not match'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s X -l hex -d 'The pattern is bytes in hex, ?? any byte: \'4745 5420\', \'0x45??00\''
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s p -d 'Not promiscuous'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l decrypt -d 'Open ESP with the keys of this host\'s kernel'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l no-drop -d 'Stay root'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s D -d 'List the interfaces and what auto would choose'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l decap -d 'Write the innermost frames instead'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s x -d 'Hexdump'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s u -d 'Print UTF-8 as it is'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s t -d 'Time stamps'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s T -d 'Time since the last packet shown; twice: since the first'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s q -d 'No marks, no banner; twice: headers only'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l json -d 'One JSON object a line'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -l all -d 'Show every packet, opaque and empty ones too'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s l -l line-buffered -d 'Flush after every packet'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -s V -l version -d 'Print version'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "verify" -d 'Is this overlay really encrypted?'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "interfaces" -d 'What can be sniffed, and what auto would choose (also: -D)'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "keys" -d 'Write the kernel\'s IPsec keys for Wireshark'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "overlay" -d 'Build VXLAN links between nodes, plain and inside IPsec'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "completions" -d 'Write the completions of a shell'
complete -c ovlsniff -n "__fish_ovlsniff_needs_command" -a "man" -d 'Write the manual page, of the program or of one command'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l net -d 'A network of ovlsniff overlay, a Docker overlay network, or a VXLAN device' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l vni -d 'Its VNI, 4097 or 0x1001 (repeatable), without or beside a name' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l peer -d 'Underlay address of another node (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l vxlan-port -d 'Its UDP port' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l local -d 'Underlay address of this node (repeatable)' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l docker-inspect -d 'Read a Docker network from what `docker network inspect` printed' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l expect -d 'What the network is to be' -r -f -a "encrypted\t''
clear\t''"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l for -d 'How long to watch: 10s, 1m30s, 500ms; at most a day' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l target -d 'Overlay address to probe (repeatable); found out by itself otherwise' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l control -d 'A network known to be clear: its canary must be seen, else the capture is at fault' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l watch -d 'Go on, one verdict each time: every 30s, 5m, 1h; at most a day' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s i -l interface -d 'Interface of the underlay (repeatable); found out by itself otherwise' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l netns -d 'Network namespace of the underlay: a name, a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l buffer -d 'Ring between kernel and program, per interface: 64K, 32M' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s r -l read -d 'Judge a capture file instead: pcap or pcapng' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l sa -d 'Keys of the SAs: Wireshark\'s esp_sa or what `ip xfrm state` printed (repeatable); the kernel\'s own by itself' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l format -d 'text or json' -r -f -a "text\t''
json\t''"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -l passive -d 'Send no probe, judge what passes by'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand verify" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand interfaces" -l netns -d 'Look into another network namespace: a name of `ip netns list`, a path or a PID' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand interfaces" -l json -d 'One JSON object a line for each interface'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand interfaces" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -s o -l output -d 'File to write, readable by its owner only; standard output without it, or with \'-\'' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l sa -d 'SAs of this file instead of the kernel\'s (repeatable)' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l netns -d 'Network namespace: a name, a path, or a process id' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l wireshark -d 'As Wireshark\'s table esp_sa, which its profile folder holds'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -l force -d 'Write keys to a terminal too'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand keys" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "up" -d 'Build a network, or all networks of a file; a second time changes nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "down" -d 'Take networks down; what is not ours stays'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "status" -d 'What the kernel says of our networks; 1 when something is missing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "rotate" -d 'Move encrypted networks to new keys without losing a packet'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and not __fish_seen_subcommand_from up down status rotate keygen" -f -a "keygen" -d 'Write a new secret, the same file for every node, to a file (mode 0600)'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -s f -l file -d 'A TOML file with all nodes and networks' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l node -d 'Which node of the file this is, when its underlay address does not tell' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l vni -d 'VXLAN network identifier, 1 to 16777215: 4097 or 0x1001' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l local -d 'This node\'s underlay address' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l peer -d 'Another node\'s underlay address (repeatable), with its address in the network where it is known: 192.0.2.2=10.0.1.2' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l addr -d 'This node\'s address in the network' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l opt -d 'What Docker\'s --opt takes: encrypted, com.docker.network.driver.mtu=MTU; and cipher=NAME, mtu=MTU, port=PORT' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l key -d 'The secret of an encrypted network, from keygen' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l port -d 'UDP port, the same on every node [default: 4789, encrypted 14789 + VNI mod 16384]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l mtu -d 'MTU of the device [default: the largest that fits the underlay]' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l in-netns -d 'Put the device into this network namespace; its socket stays here' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l bridge -d 'Make the device a port of this bridge, which gets the address and is made if need be' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l generation -d 'Begin with this generation of keys, for a node whose state was lost or that joins late' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l state -d 'Where the start counters are kept' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l learn -d 'Learn addresses from the traffic and flood what is unknown'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l dry-run -d 'Print what would be done, and do nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -l json -d 'Print it as one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l state -d 'Where the start counters are kept' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l all -d 'Every network of ours'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l dry-run -d 'Print what would be done, and do nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -l json -d 'Print it as one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from status" -l json -d 'One JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l step -d 'What to do [default: send, or drop when new keys are already sent with]' -r -f -a "prepare\t'Accept what peers may send next'
send\t'Send with new keys'
drop\t'Accept the old keys no more'"
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l due -d 'For a timer: drop old keys when that can be, follow peers, send with new keys when the last are this old: 12h, 7d' -r
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l key -d 'The secret [default: where it lay at overlay up]' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l state -d 'Where the start counters are kept' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l force -d 'Do not wait for peers that were not heard: they may lose packets until they rotate, too'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l dry-run -d 'Print what would be done, and do nothing'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -l json -d 'Print it as one JSON document'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from keygen" -s o -l output -d 'Write to this new file instead of standard output' -r -F
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand overlay; and __fish_seen_subcommand_from keygen" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand completions" -s h -l help -d 'Print help'
complete -c ovlsniff -n "__fish_ovlsniff_using_subcommand man" -s h -l help -d 'Print help'
