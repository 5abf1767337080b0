/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/pki/token_module.h"

#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/pkcs11.h>

#include <string.h>

struct token_module token_module;

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret);

static CK_RV initialize(CK_VOID_PTR arguments)
{
	(void)arguments;
	if (token_module.is_started)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	token_module.is_started = true;
	token_module.starts++;
	token_module.token_is_seen = token_module.token_is_there;
	return CKR_OK;
}

static CK_RV finalize(CK_VOID_PTR reserved)
{
	(void)reserved;
	token_module.is_started = false;
	return CKR_OK;
}

static CK_RV slot_list(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
	(void)present;
	list[0] = 7;
	*count = token_module.token_is_seen ? 1 : 0;
	return CKR_OK;
}

static CK_RV token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
	(void)slot;
	memset(info, 0, sizeof *info);
	memset(info->label, ' ', sizeof info->label);
	memcpy(info->label, "fleet", 5);
	info->flags = token_module.token_flags;
	return CKR_OK;
}

static CK_RV open_session(
	CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR application, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR ret)
{
	(void)slot, (void)flags, (void)application, (void)notify;
	*ret = 1;
	return CKR_OK;
}

static CK_RV close_session(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_OK;
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
	(void)session, (void)user, (void)pin, (void)len;
	token_module.logins++;
	return token_module.login_result;
}

static CK_RV find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR wanted, CK_ULONG count)
{
	(void)session, (void)wanted, (void)count;
	return CKR_OK;
}

static CK_RV find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR ret, CK_ULONG max, CK_ULONG_PTR count)
{
	(void)session, (void)max;
	ret[0] = 3;
	*count = 1;
	return CKR_OK;
}

static CK_RV find_final(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_OK;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR ret)
{
	static CK_FUNCTION_LIST list = {.C_Initialize = initialize,
		.C_Finalize = finalize,
		.C_GetSlotList = slot_list,
		.C_GetTokenInfo = token_info,
		.C_OpenSession = open_session,
		.C_CloseSession = close_session,
		.C_Login = login,
		.C_FindObjectsInit = find_init,
		.C_FindObjects = find,
		.C_FindObjectsFinal = find_final};
	*ret = &list;
	return CKR_OK;
}
