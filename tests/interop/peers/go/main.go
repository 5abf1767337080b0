// SPDX-License-Identifier: GPL-3.0-or-later
//
// go-coap as a server for our load: server PORT
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"sync"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/mux"
	"github.com/plgd-dev/go-coap/v3/net"
	"github.com/plgd-dev/go-coap/v3/options"
	"github.com/plgd-dev/go-coap/v3/udp"
)

var (
	lock  sync.RWMutex
	value = []byte("hello")
)

func get(w mux.ResponseWriter) error {
	lock.RLock()
	defer lock.RUnlock()
	return w.SetResponse(codes.Content, message.TextPlain, bytes.NewReader(value))
}

func put(w mux.ResponseWriter, body io.ReadSeeker) error {
	content := []byte{}
	if body != nil {
		var err error
		if content, err = io.ReadAll(body); err != nil {
			return err
		}
	}
	lock.Lock()
	value = content
	lock.Unlock()
	return w.SetResponse(codes.Changed, message.TextPlain, nil)
}

func handle(w mux.ResponseWriter, r *mux.Message) {
	var err error
	switch r.Code() {
	case codes.GET:
		err = get(w)
	case codes.PUT:
		err = put(w, r.Body())
	default:
		err = w.SetResponse(codes.MethodNotAllowed, message.TextPlain, nil)
	}
	if err != nil {
		log.Println(err)
	}
}

func main() {
	router := mux.NewRouter()
	if err := router.Handle("/test", mux.HandlerFunc(handle)); err != nil {
		log.Fatal(err)
	}
	socket, err := net.NewListenUDP("udp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	log.Fatal(udp.NewServer(options.WithMux(router)).Serve(socket))
}
