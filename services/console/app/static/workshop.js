// A workshop's steps are seen as they are taken, services that start and stop among them.
"use strict";
setInterval(() => { if (!document.hidden) renew().catch(() => {}); }, 4000);
