/* The unwinder of the distribution's libgcc_eh.a is built for glibc, which tells it by this function which object an
 * address lies in and where the tables of that object's frames are. musl lacks the function. This one finds both by
 * dl_iterate_phdr, which musl has. A program unwinds only to print the backtrace of a panic. */
#include <link.h>
#include <stddef.h>

/* glibc's `struct dl_find_object` of <dlfcn.h>, on architectures without a base for the tables' addresses. */
struct object {
    unsigned long long flags;
    void *start, *end;
    struct link_map *map;
    void *eh_frame;
    unsigned long long reserved[7];
};

struct search {
    char *address;
    struct object *object;
};

static int look(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct search *search = argument;
    struct object object = {0};
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        char *start = (char *)info->dlpi_addr + header->p_vaddr, *end = start + header->p_memsz;
        if (header->p_type == PT_GNU_EH_FRAME)
            object.eh_frame = start;
        if (header->p_type == PT_LOAD && search->address >= start && search->address < end)
            object.start = start, object.end = end;
    }
    if (!object.start || !object.eh_frame)
        return 0;
    *search->object = object;
    return 1;
}

int _dl_find_object(void *address, struct object *object);

int _dl_find_object(void *address, struct object *object)
{
    struct search search = {address, object};
    return dl_iterate_phdr(look, &search) ? 0 : -1;
}
