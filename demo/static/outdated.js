// What a browser without modules runs instead of the wing.
(function () {
  'use strict';
  var note = document.getElementById('sentinel');
  note.className = 'loading outdated';
  note.textContent = 'These works need a newer browser';
  document.body.setAttribute('data-complete', 'outdated');
})();
