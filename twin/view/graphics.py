"""Whether this machine can draw 3D pictures, asked before the 3D library starts.

That library ends the whole program where there is nothing to draw with, so the question comes first.
Without a screen the pictures are drawn off-screen through EGL; no virtual X server is needed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from models.layers import InputError
from twin.language import text

__all__ = ["obstacle", "quiet_start", "require_graphics"]

_PLATFORM_DEVICE, _EXTENSIONS = 0x313F, 0x3055  # EGL_PLATFORM_DEVICE_EXT, EGL_EXTENSIONS


def obstacle(language: str | None = None) -> str:
    """Return in one sentence what keeps this machine from drawing 3D pictures, an empty text where nothing does."""
    if not sys.platform.startswith("linux") or _screen():
        return ""
    missing = [name for name in ("libEGL.so.1", "libGL.so.1") if not _loads(name)]
    if missing:
        return text("view.library_missing", language, libraries=" / ".join(missing))
    return "" if _egl_device() else text("view.device_missing", language)


def require_graphics(language: str | None = None) -> None:
    """Raise :class:`InputError` where 3D pictures cannot be drawn, naming the packages that help."""
    reason = obstacle(language)
    if reason:
        raise InputError(reason)


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep the notice about a missing X server, which is harmless, from the user while a window is made."""
    from vtkmodules.vtkCommonCore import vtkObject

    before = vtkObject.GetGlobalWarningDisplay()
    vtkObject.SetGlobalWarningDisplay(0)
    try:
        yield
    finally:
        vtkObject.SetGlobalWarningDisplay(before)


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _screen() -> bool:
    """Whether an X server answers under ``DISPLAY``."""
    if not os.environ.get("DISPLAY") or not _loads("libX11.so.6"):
        return False
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = x11.XOpenDisplay(None)
    if display:
        x11.XCloseDisplay(ctypes.c_void_p(display))
    return bool(display)


def _egl_device() -> bool:
    """Whether EGL has a device (software ones count) that starts."""
    egl = ctypes.CDLL("libEGL.so.1")
    egl.eglQueryString.restype = ctypes.c_char_p
    egl.eglQueryString.argtypes = [ctypes.c_void_p, ctypes.c_int]
    known = egl.eglQueryString(None, _EXTENSIONS) or b""
    if b"EGL_EXT_platform_device" not in known:
        return False
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    egl.eglGetProcAddress.argtypes = [ctypes.c_char_p]
    query, display_of = egl.eglGetProcAddress(b"eglQueryDevicesEXT"), egl.eglGetProcAddress(b"eglGetPlatformDisplayEXT")
    if not query or not display_of:
        return False
    devices, count = (ctypes.c_void_p * 16)(), ctypes.c_int(0)
    signature = ctypes.CFUNCTYPE(
        ctypes.c_uint, ctypes.c_int, ctypes.POINTER(ctypes.c_void_p * 16), ctypes.POINTER(ctypes.c_int)
    )
    signature(query)(16, ctypes.byref(devices), ctypes.byref(count))
    get = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(display_of)
    egl.eglInitialize.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    for device in devices[: count.value]:
        display = get(_PLATFORM_DEVICE, device, None)
        if display and egl.eglInitialize(display, None, None):
            return True
    return False
