/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "coap/carrier.h"

uint32_t coap_carrier_whole_max(const struct coap_carrier *c, uint8_t szx, size_t overhead)
{
	if (!c->is_reliable || szx < COAP_BLOCK_SZX_MAX)
		return coap_block_size(szx);
	return coap_carrier_room(c, overhead);
}

uint8_t coap_carrier_fitting_szx(const struct coap_carrier *c, uint8_t szx, size_t overhead)
{
	uint32_t room = coap_carrier_room(c, overhead);
	if (coap_block_size(szx) <= room)
		return szx;
	return coap_block_szx_of(room);
}

uint32_t coap_carrier_part_max(const struct coap_carrier *c, uint8_t szx, size_t overhead)
{
	uint32_t unit = coap_block_size(szx), room = coap_carrier_room(c, overhead);
	return szx == COAP_BLOCK_SZX_BERT && room > unit ? room / unit * unit : unit;
}
