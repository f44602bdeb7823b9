"""Line icons for templates, drawn on a grid of 24; decoration only, the words beside them carry the meaning."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

_CIRCLE = '<circle cx="12" cy="12" r="8.5"/>'

_DRAWINGS = {
    "arrow_left": '<path d="M19 12H5M11 6l-6 6 6 6"/>',
    "arrow_right": '<path d="M5 12h14M13 6l6 6-6 6"/>',
    "back": '<path d="M8.5 6l-4 4 4 4M4.5 10H14a5 5 0 0 1 0 10h-3"/>',
    "body": '<path d="M4 20h16M5.5 20v-9M18.5 20v-9M10 20v-9M14 20v-9M3.5 11h17L12 4.5z"/>',
    "bookmark": '<path d="M7 4h10a1 1 0 0 1 1 1v15l-6-4.5L6 20V5a1 1 0 0 1 1-1z"/>',
    "calendar": '<rect x="4" y="5.5" width="16" height="14.5" rx="2"/><path d="M4 10h16M8 3.5v4M16 3.5v4"/>',
    "case": '<path d="M3.5 7.5a2 2 0 0 1 2-2h3.4a2 2 0 0 1 1.5.7L11.5 7.5h7a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2h-13a2'
    ' 2 0 0 1-2-2z"/>',
    "chart": '<path d="M4 20h16M6 20v-6h3v6M10.5 20V9h3v11M15 20V5h3v15"/>',
    "check": '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
    "chevron_down": '<path d="M6 9.5l6 6 6-6"/>',
    "chevron_right": '<path d="M9.5 6l6 6-6 6"/>',
    "columns": '<rect x="3.5" y="5" width="17" height="14" rx="2"/><path d="M9.5 5v14M15 5v14"/>',
    "clock": f'{_CIRCLE}<path d="M12 7.5V12l3 2"/>',
    "close": '<path d="M7 7l10 10M17 7L7 17"/>',
    "danger": f'{_CIRCLE}<path d="M12 7.5V13M12 16.2v.1"/>',
    "device": '<rect x="3.5" y="5" width="17" height="11" rx="1.5"/><path d="M9 20h6M12 16v4"/>',
    "done": f'{_CIRCLE}<path d="M8 12.3l2.8 2.8L16 9.6"/>',
    "download": '<path d="M12 4v11M7 10.5l5 5 5-5M5 20h14"/>',
    "escalated": '<path d="M12 20V5M6 11l6-6 6 6M6 20h12"/>',
    "edit": '<path d="M4 20l1-4L16 5l3 3L8 19z"/>',
    "file": '<path d="M13.5 3.5H7a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V9zM13 3.5V9h5.5"/>',
    "filter": '<path d="M4 6h16M7 12h10M10 18h4"/>',
    "flag": '<path d="M6 21V4.5M6 5h11l-2.5 4L17 13H6"/>',
    "globe": f'{_CIRCLE}<path d="M3.5 12h17M12 3.5c2.5 2.4 3.7 5.2 3.7 8.5s-1.2 6.1-3.7 8.5c-2.5-2.4'
    '-3.7-5.2-3.7-8.5S9.5 5.9 12 3.5"/>',
    "hand_on": '<path d="M4 8h13M13 4l4 4-4 4M20 16H7M11 12l-4 4 4 4"/>',
    "help": f'{_CIRCLE}<path d="M9.6 9.6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.2 1-1.2 1.8M12 16.6v.1"/>',
    "info": f'{_CIRCLE}<path d="M12 11v5.5M12 7.8v.1"/>',
    "keyboard": '<rect x="3" y="6.5" width="18" height="11" rx="2"/><path d="M7 10v.1M10.3 10v.1M13.7 10v.1M17 10v.1'
    'M8 14h8"/>',
    "lock": '<rect x="5.5" y="10.5" width="13" height="9.5" rx="2"/><path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5"/>',
    "mail": '<rect x="3.5" y="5.5" width="17" height="13" rx="2"/><path d="M4 7.5l8 6 8-6"/>',
    "message": '<path d="M4 7.5a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2V14a2 2 0 0 1-2 2h-6.5l-5 4v-4H6a2 2 0 0 1-2-2z"/>',
    "moon": '<path d="M19.5 14.3A8 8 0 0 1 9.7 4.5a8 8 0 1 0 9.8 9.8z"/>',
    "pause": f'{_CIRCLE}<path d="M10 9v6M14 9v6"/>',
    "people": '<circle cx="9" cy="9" r="3"/><path d="M3.5 19a5.5 5.5 0 0 1 11 0M15.5 6.3a3 3 0 0 1 0 5.4M17 14a5.5'
    ' 5.5 0 0 1 3.5 5"/>',
    "person": '<circle cx="12" cy="8.5" r="3.5"/><path d="M5 20a7 7 0 0 1 14 0"/>',
    "phone": '<path d="M6.5 4h3l1.5 4-2 1.5a11 11 0 0 0 5.5 5.5l1.5-2 4 1.5v3a2 2 0 0 1-2 2A14 14 0 0 1 4.5 6'
    'a2 2 0 0 1 2-2z"/>',
    "plus": '<path d="M12 5v14M5 12h14"/>',
    "search": '<circle cx="10.5" cy="10.5" r="6"/><path d="M15 15l5 5"/>',
    "service": '<rect x="4.5" y="4.5" width="6" height="6" rx="1"/><rect x="13.5" y="4.5" width="6" height="6" rx="1"/>'
    '<rect x="4.5" y="13.5" width="6" height="6" rx="1"/><rect x="13.5" y="13.5" width="6" height="6" rx="1"/>',
    "sign_out": '<path d="M10 4.5H6.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2H10M15 8l4 4-4 4M19 12H9.5"/>',
    "sort_down": '<path d="M12 5v14M7 14l5 5 5-5"/>',
    "sort_up": '<path d="M12 19V5M7 10l5-5 5 5"/>',
    "sun": '<circle cx="12" cy="12" r="4"/><path d="M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3'
    ' 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1"/>',
    "tasks": '<path d="M4 6.5L5.5 8 8 5.5M4 12.5L5.5 14 8 11.5M4 18.5L5.5 20 8 17.5M11.5 7H20M11.5 13H20M11.5 19H20"/>',
    "waiting": '<path d="M7 4h10M7 20h10M8 4v3.2c0 1 .4 1.9 1.1 2.5L12 12l2.9-2.3c.7-.6 1.1-1.5 1.1-2.5V4M8 20v-3.2c0'
    '-1 .4-1.9 1.1-2.5L12 12l2.9 2.3c.7.6 1.1 1.5 1.1 2.5V20"/>',
    "warning": '<path d="M12 4.2l8.8 15.3H3.2zM12 10v4.2M12 16.9v.1"/>',
}

_RING = '<circle cx="8" cy="8" r="6.25" fill="none" stroke="currentColor" stroke-width="1.5"/>'
_SLICES = {
    1: "",
    2: '<path d="M8 8V4a4 4 0 0 1 4 4z" fill="currentColor"/>',
    3: '<path d="M8 4a4 4 0 0 1 0 8z" fill="currentColor"/>',
    4: '<path d="M8 8V4a4 4 0 1 1-4 4z" fill="currentColor"/>',
}
_LIVE = (
    '<path d="M4.7 8.3l2.2 2.2 4.4-4.8" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round"'
    ' stroke-linejoin="round"/>'
)


@cache
def icon(name: str) -> Markup:
    """The line icon of this name, as large as the text around it. Raises KeyError for an unknown one."""
    return _svg('class="sk-icon" viewBox="0 0 24 24"', _DRAWINGS[name])


@cache
def state_icon(step: int) -> Markup:
    """A ring that fills from 1 (empty) to 4 and carries a tick at 5: the five colours without colour."""
    inside = _LIVE if step >= 5 else _SLICES[max(step, 1)]
    return _svg('viewBox="0 0 16 16"', _RING + inside)


@cache
def step_icon(kind: str) -> Markup:
    """The circle of a stepper: `done`, `current` or `ahead`."""
    inside = {
        "done": '<circle cx="16" cy="16" r="14" fill="currentColor"/><path class="sk-knockout" d="M10 16.5l4.2 4.2L22.5'
        ' 11.8" fill="none" stroke-width="2.75" stroke-linecap="round" stroke-linejoin="round"/>',
        "current": '<circle cx="16" cy="16" r="12.75" fill="none" stroke="currentColor" stroke-width="2.5"/><circle'
        ' cx="16" cy="16" r="6" fill="currentColor"/>',
        "ahead": '<circle cx="16" cy="16" r="11" fill="none" stroke="currentColor" stroke-width="1.75"/>',
    }[kind]
    return _svg('viewBox="0 0 32 32"', inside)


def _svg(attributes: str, drawing: str) -> Markup:
    return Markup(  # noqa: S704 - our own drawings, nothing anybody typed
        f'<svg {attributes} aria-hidden="true" focusable="false">{drawing}</svg>'
    )
