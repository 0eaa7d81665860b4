
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
            cand --vni 'Only these virtual networks (repeatable); what is encrypted still counts, its VNI cannot be seen'
            cand -i 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays'
            cand --interface 'Interface (repeatable), any, or auto, the default: the interfaces that carry overlays'
            cand -r 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input'
            cand --read 'Capture file (repeatable): pcap, pcapng, also gzip or zstd; - is standard input'
            cand --netns 'Network namespace: a name, a path, or a process id'
            cand --direction 'Only what goes this way'
            cand -s 'Bytes captured of a frame'
            cand --buffer 'Ring between kernel and program, per interface'
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
            cand -S 'Bytes of a payload that are searched and shown'
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
            cand interfaces 'What can be sniffed, and what auto would choose (also: -D)'
            cand keys 'Write the kernel''s IPsec keys for Wireshark'
            cand completions 'Write the completions of a shell'
            cand man 'Write the manual page, of the program or of one command'
        }
        &'ovlsniff;interfaces'= {
            cand --netns 'Look into another network namespace: a name of `ip netns list`, a path or a PID'
            cand --json 'One JSON object a line for each interface'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'ovlsniff;keys'= {
            cand -o 'File to write, readable by its owner only; standard output without it'
            cand --output 'File to write, readable by its owner only; standard output without it'
            cand --sa 'SAs of this file instead of the kernel''s (repeatable)'
            cand --netns 'Network namespace: a name, a path, or a process id'
            cand --wireshark 'As Wireshark''s table esp_sa, which its profile folder holds'
            cand --force 'Write keys to a terminal too'
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
