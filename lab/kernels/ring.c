/* Does to a kernel what a capture does: maps a packet socket's ring, of blocks of several pages, and starts programs
 * meanwhile. User-mode Linux 6.12 then counts the ring's pages wrongly (`BUG: Bad page map`), and hangs or crashes some
 * time later. Exit status 0 if the ring could be made. */
#include <linux/if_packet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    enum { BLOCK = 128 * 1024, BLOCKS = 16, FRAME = 4096 };
    struct tpacket_req ring = {
        .tp_block_size = BLOCK, .tp_block_nr = BLOCKS, .tp_frame_size = FRAME, .tp_frame_nr = BLOCKS * (BLOCK / FRAME),
    };
    int packets = socket(AF_PACKET, SOCK_RAW, 0);
    if (packets < 0 || setsockopt(packets, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring))
        return 1;
    char *mapped = mmap(0, BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, packets, 0);
    if (mapped == MAP_FAILED)
        return 1;
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        if (!child)
            execl("/bin/true", "true", (char *)0);
        waitpid(child, 0, 0);
    }
    return 0;
}
