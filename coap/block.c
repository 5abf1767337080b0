/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/block.h"

bool coap_block_parse(uint64_t value, struct coap_block *ret)
{
	return (value & 7) <= COAP_BLOCK_SZX_MAX && coap_block_parse_bert(value, ret);
}

bool coap_block_parse_bert(uint64_t value, struct coap_block *ret)
{
	if (value > 0xffffff)
		return false;
	*ret = (struct coap_block){(uint32_t)(value >> 4), (value & 8) != 0, (uint8_t)(value & 7)};
	return true;
}

uint32_t coap_block_value(struct coap_block b)
{
	return b.number << 4 | (uint32_t)b.has_more << 3 | b.szx;
}

uint8_t coap_block_szx_of(uint32_t size)
{
	uint8_t szx = 0;
	while (szx < COAP_BLOCK_SZX_MAX && coap_block_size((uint8_t)(szx + 1)) <= size)
		szx++;
	return szx;
}

bool coap_block_at(uint64_t offset, uint8_t szx, struct coap_block *ret)
{
	uint64_t number = offset / coap_block_size(szx);
	if (number >= COAP_BLOCKS_MAX || offset % coap_block_size(szx) != 0)
		return false;
	*ret = (struct coap_block){(uint32_t)number, false, szx};
	return true;
}
