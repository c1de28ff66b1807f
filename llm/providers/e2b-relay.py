"""Sends the one HTTP request that the file named as argument describes, and prints the response as it arrives.

The file is JSON: method, url, headers, body (base64), key (base64). Its folder, with this program, is removed when it has been
read. Printed is one JSON object a line: {"status", "headers"}, then {"data"} (base64) for each piece of the body, then
{"end": true}; or {"failed": {"code", "message"}} where the network failed.

In header values PLACEHOLDER stands for the provider's key. The key comes in two halves, in the file and in the variable KEY_HALF,
whose exclusive or it is: either alone is noise.
"""
import base64
import errno
import http.client
import json
import os
import shutil
import socket
import sys
import urllib.parse

PLACEHOLDER = '{{provider-key}}'
# A provider that is silent for longer has been given up by whoever started this.
SILENCE_S = 300
# Told anew for the connection that is made here.
OWN_HEADERS = {'host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding'}
PIECE = 64 << 10


def say(**line):
    sys.stdout.write(json.dumps(line) + '\n')
    sys.stdout.flush()


def take(path):
    with open(path, encoding='utf8') as file:
        request = json.load(file)
    shutil.rmtree(os.path.dirname(path))
    half = base64.b64decode(os.environ.pop('KEY_HALF'))
    key = bytes(a ^ b for a, b in zip(base64.b64decode(request['key']), half)).decode()
    headers = {
        name: value.replace(PLACEHOLDER, key)
        for name, value in request['headers']
        if name.lower() not in OWN_HEADERS
    }
    return request['method'], urllib.parse.urlsplit(request['url']), headers, base64.b64decode(request['body'])


def relay(method, url, headers, body):
    kind = http.client.HTTPSConnection if url.scheme == 'https' else http.client.HTTPConnection
    connection = kind(url.hostname, url.port, timeout=SILENCE_S)
    target = (url.path or '/') + ('?' + url.query if url.query else '')
    connection.request(method, target, body or None, headers)
    response = connection.getresponse()
    say(status=response.status, headers=response.getheaders())
    while piece := response.read1(PIECE):
        say(data=base64.b64encode(piece).decode())
    if response.length:
        raise http.client.IncompleteRead(b'', response.length)
    say(end=True)


def code_of(error):
    if isinstance(error, socket.gaierror):
        return 'ENOTFOUND'
    if isinstance(error, TimeoutError):
        return 'ETIMEDOUT'
    return errno.errorcode.get(getattr(error, 'errno', None) or 0, 'ECONNRESET')


try:
    relay(*take(sys.argv[1]))
except (OSError, http.client.HTTPException) as error:
    say(failed={'code': code_of(error), 'message': str(error) or type(error).__name__})
