"""An RTSP server for tests, made of gst-rtsp-server: independent of the product.

usage: rtsp_server.py PORT PIPELINE [--auth basic|digest USER PASSWORD] [--udp | --tcp] [--tls PEM]

Serves PIPELINE (gst-launch grammar, payloaders named pay0, pay1) at /live. PORT 0 takes a free one.
Prints `port N` when it listens.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

Gst.init(None)
port, pipeline, *options = sys.argv[1:]
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(port)
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(f"( {pipeline} )")
if "--udp" in options:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
if "--tcp" in options:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
auth = None
if "--auth" in options or "--tls" in options:
    auth = GstRtspServer.RTSPAuth()
if "--tls" in options:
    pem = options[options.index("--tls") + 1]
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(pem))
role = "anonymous"
if "--auth" in options:
    at = options.index("--auth")
    kind, user, password = options[at + 1 : at + 4]
    role = "user"
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", role)
    if kind == "basic":
        basic = GstRtspServer.RTSPAuth.make_basic(user, password)
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(basic, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
elif auth is not None:
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", role)
    auth.set_default_token(token)
if auth is not None:
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(role, "media.factory.access", True)
    permissions.add_permission_for_role(role, "media.factory.construct", True)
    factory.set_permissions(permissions)
    server.set_auth(auth)
server.get_mount_points().add_factory("/live", factory)
server.attach(None)
print("port", server.get_bound_port(), flush=True)
GLib.MainLoop().run()
