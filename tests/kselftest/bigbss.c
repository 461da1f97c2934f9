// SPDX-License-Identifier: GPL-2.0
/*
 * bigbss MODULE OUT: a copy of a module whose .bss is larger than the whole
 * area that the kernel keeps for modules, so that loading it ends in ENOMEM.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE	(1800UL << 20)	/* the area is 1520 MiB at most (Documentation/x86/x86_64/mm.rst) */

static char *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *data;

	if (!f || fseek(f, 0, SEEK_END))
		return NULL;
	*size = ftell(f);
	rewind(f);
	data = malloc(*size);
	if (!data || fread(data, 1, *size, f) != *size)
		return NULL;
	fclose(f);
	return data;
}

static Elf64_Shdr *find_bss(char *data)
{
	Elf64_Ehdr *h = (void *)data;
	Elf64_Shdr *s = (void *)(data + h->e_shoff);
	const char *names = data + s[h->e_shstrndx].sh_offset;
	int i;

	for (i = 0; i < h->e_shnum; i++)
		if (!strcmp(names + s[i].sh_name, ".bss"))
			return &s[i];
	return NULL;
}

int main(int argc, char **argv)
{
	Elf64_Shdr *bss;
	char *data;
	size_t size;
	FILE *out;

	data = argc == 3 ? read_file(argv[1], &size) : NULL;
	bss = data ? find_bss(data) : NULL;
	if (!bss || bss->sh_type != SHT_NOBITS) {
		fprintf(stderr, "usage: bigbss MODULE OUT; the module needs a .bss\n");
		return 1;
	}
	bss->sh_size = SIZE;
	bss->sh_flags |= SHF_ALLOC | SHF_WRITE;
	out = fopen(argv[2], "wb");
	return !out || fwrite(data, 1, size, out) != size || fclose(out) ? 1 : 0;
}
