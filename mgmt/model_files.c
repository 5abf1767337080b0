/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mgmt/model_files.h"

#include "mgmt/model_expat.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model_files {
	struct model_list list;
	struct model model;
	size_t count;
	void (*complain)(void *context, const char *path, const char *reason);
	void *context;
};

static void complain(const struct model_files *f, const char *path, const char *reason)
{
	if (f->complain != NULL)
		f->complain(f->context, path, reason);
}

/* ---- one file ---- */

/* The file's bytes, to be freed; NULL with errno set. */
static uint8_t *read_file(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "re");
	uint8_t *content = file == NULL ? NULL : malloc(MODEL_FILE_BYTES_MAX + 1);
	if (content != NULL) {
		*ret_len = fread(content, 1, MODEL_FILE_BYTES_MAX + 1, file);
		if (ferror(file) || *ret_len > MODEL_FILE_BYTES_MAX) {
			errno = ferror(file) ? EIO : EFBIG;
			free(content);
			content = NULL;
		}
	}
	if (file != NULL)
		(void)fclose(file);
	return content;
}

static void load_file(struct model_files *f, const char *path)
{
	char message[MODEL_EXPAT_MESSAGE_BYTES];
	size_t len;
	uint8_t *content = read_file(path, &len);
	if (content == NULL)
		complain(f, path, strerror(errno));
	else if (!model_expat_read(&f->list, bytes_of(content, len), message))
		complain(f, path, message);
	free(content);
}

/* ---- the folder ---- */

static int is_definition(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".xml") == 0;
}

static void load_folder(struct model_files *f, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_definition, alphasort);
	if (count < 0) {
		complain(f, folder, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		if (snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name) < (int)sizeof path)
			load_file(f, path);
		free(entries[i]);
	}
	free(entries);
}

/* ---- the model ---- */

/* By id and version; "1.10" comes behind "1.9". */
static int compare_objects(const void *a, const void *b)
{
	const struct model_object *first = a, *second = b;
	if (first->id != second->id)
		return first->id < second->id ? -1 : 1;
	return strverscmp(first->version, second->version);
}

/* Sorts stably, so that of the same version the one read last comes last, and keeps that one. */
static void put_in_order(struct model_list *list)
{
	size_t kept = 0;
	for (size_t i = 1; i < list->count; i++) {
		struct model_object object = list->objects[i];
		size_t at = i;
		for (; at > 0 && compare_objects(&list->objects[at - 1], &object) > 0; at--)
			list->objects[at] = list->objects[at - 1];
		list->objects[at] = object;
	}
	for (size_t i = 0; i < list->count; i++)
		if (i + 1 == list->count || compare_objects(&list->objects[i], &list->objects[i + 1]) != 0)
			list->objects[kept++] = list->objects[i];
	list->count = kept;
}

struct model_files *model_files_load(
	const char *folder, void (*complain_to)(void *context, const char *path, const char *reason), void *context)
{
	struct model_files *f = calloc(1, sizeof *f);
	bool fits = f != NULL;
	for (size_t i = 0; fits && i < model_core.object_count; i++)
		fits = model_list_add(&f->list, &model_core.objects[i]);
	if (!fits) {
		model_files_free(f);
		return NULL;
	}
	f->complain = complain_to;
	f->context = context;
	load_folder(f, folder);
	f->count = f->list.count - model_core.object_count;
	put_in_order(&f->list);
	f->model = (struct model){.object_count = f->list.count, .objects = f->list.objects};
	return f;
}

const struct model *model_files_model(const struct model_files *f)
{
	return &f->model;
}

size_t model_files_count(const struct model_files *f)
{
	return f->count;
}

void model_files_free(struct model_files *f)
{
	if (f != NULL)
		model_list_done(&f->list);
	free(f);
}
