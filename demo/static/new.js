// Infinite scroll for browsers of 2015 and later: no fetch, no promises, no observers.
(() => {
  'use strict';
  const list = document.getElementById('works');
  const note = document.getElementById('loading');
  const entities = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'};
  const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => entities[sign]);
  let offset = 0;
  let busy = false;
  let complete = false;
  let failures = 0;

  const markup = (work) => `<li class="work"><a class="work-link" href="${escaped(work.href)}">
    <img src="${escaped(work.thumb)}" alt="">
    <span class="name">${escaped(work.title)}</span>
    <span class="by">${escaped(work.subtitle)}</span>
  </a></li>`;

  const height = () => Math.max(document.body.scrollHeight, document.documentElement.scrollHeight);
  const nearBottom = () => {
    const top = window.pageYOffset || document.documentElement.scrollTop || document.body.scrollTop;
    return top + window.innerHeight > height() - 300;
  };

  const retry = () => {
    busy = false;
    failures += 1;
    if (failures < 5) {
      window.setTimeout(check, 200 * failures);
    }
  };

  const load = () => {
    busy = true;
    const request = new XMLHttpRequest();
    request.open('GET', `/api/recent?offset=${offset}`);
    request.onload = () => {
      if (request.status !== 200) {
        retry();
        return;
      }
      const answer = JSON.parse(request.responseText);
      list.insertAdjacentHTML('beforeend', answer.works.map(markup).join(''));
      offset += answer.works.length;
      busy = false;
      failures = 0;
      if (answer.works.length === 0 || offset >= answer.total) {
        complete = true;
        document.body.dataset.complete = 'true';
        note.textContent = 'That is all for now';
      } else {
        window.setTimeout(check, 50);
      }
    };
    request.onerror = retry;
    request.send();
  };

  function check() {
    if (!busy && !complete && nearBottom()) {
      load();
    }
  }

  window.addEventListener('scroll', check);
  window.addEventListener('resize', check);
  check();
})();
