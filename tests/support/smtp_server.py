#!/usr/bin/env python3
"""A mail server that keeps what it accepts: aiosmtpd, with failures by name of the recipient.

usage: smtp_server.py PORT FOLDER [starttls|tls CERT KEY] [auth USER PASSWORD]

Says "port N" once it listens. A mail that was accepted is FOLDER/NNN.eml, and NNN.json says for whom.
  reject*@   550 at RCPT                         later*@    451 at RCPT, until FOLDER/up is there
  slow*@     accepts after 3 s                   refuse*@   554 at the end of DATA
  drop*@     breaks off at the end of DATA, until FOLDER/up is there
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

port, folder, *rest = sys.argv[1:]
folder = Path(folder)
context = implicit = credentials = None
while rest:
    what, one, two, *rest = rest
    if what == "auth":
        credentials = (one.encode(), two.encode())
    else:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(one, two)
        implicit = what == "tls"


def parts(content):
    """What Python's parser finds: subject and defects, then type, content id, and text or size of each part."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    found = [[message["subject"], [[str(defect) for defect in part.defects] for part in message.walk()]]]
    for part in message.walk():
        if not part.is_multipart():
            body = part.get_content()
            text = part.get_content_maintype() == "text"
            found.append([part.get_content_type(), part["content-id"], body if text else len(body)])
    return found


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("reject"):
            return "550 5.1.1 no such user here"
        if address.startswith("later") and not (folder / "up").exists():
            return "451 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        def any_of(name):
            return any(to.startswith(name) for to in envelope.rcpt_tos)

        if any_of("slow"):
            await asyncio.sleep(3)
        if any_of("refuse"):
            return "554 5.7.1 not wanted here"
        if any_of("drop") and not (folder / "up").exists():
            server.transport.abort()
            return "451 gone"
        number = len(list(folder.glob("*.eml")))
        about = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "peer": session.peer[1]}
        about["tls"] = session.ssl is not None or bool(implicit)
        about["login"] = bool(session.authenticated)
        about["parts"] = parts(envelope.original_content)
        (folder / f"{number:03}.json").write_text(json.dumps(about))
        (folder / f"{number:03}.tmp").write_bytes(envelope.original_content)
        (folder / f"{number:03}.tmp").rename(folder / f"{number:03}.eml")
        return f"250 2.0.0 kept as {number:03}"


def login(server, session, envelope, mechanism, data):
    # Not handled: the server is to tell the client of a failure by itself.
    return AuthResult(success=(data.login, data.password) == credentials, handled=False)


def protocol():
    options = {}
    if credentials:
        options = dict(authenticator=login, auth_required=True, auth_require_tls=not implicit and bool(context))
    if context and not implicit:
        options.update(tls_context=context, require_starttls=True)
    return SMTP(Handler(), hostname="mail.test", **options)


async def main():
    tls = context if implicit else None
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", int(port), ssl=tls)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
