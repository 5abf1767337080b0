/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Gives a harness the files it is told of, one after the other, in place of libFuzzer: so every compiler and every
 * architecture replays the corpora, and a coverage run counts what they reach. Arguments are folders.
 *
 * Each input is a heap block of exactly its size, so that a sanitizer sees a read behind its end. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	bool has_size = file != NULL && fseek(file, 0, SEEK_END) == 0 && ftell(file) >= 0;
	size_t size = has_size ? (size_t)ftell(file) : 0;
	uint8_t *input = malloc(size + (size == 0));
	bool is_read =
		has_size && input != NULL && fseek(file, 0, SEEK_SET) == 0 && fread(input, 1, size, file) == size;
	if (is_read)
		LLVMFuzzerTestOneInput(input, size);
	else
		fprintf(stderr, "replay: %s cannot be read\n", path);
	free(input);
	if (file != NULL)
		fclose(file);
	return is_read;
}

/* How many files were replayed; 0 when one could not be read, too. In the order of their names, always the same. */
static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), replayed = 0;
	bool are_read = true;
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			are_read = replay_file(path) && are_read;
			replayed++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return are_read ? replayed : 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int replayed = replay_folder(argv[i]);
		printf("%s: %d inputs\n", argv[i], replayed);
		if (replayed == 0)
			return EXIT_FAILURE;
	}
	return argc > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
