// Infinite scroll as it is written today: modules, fetch, async, IntersectionObserver.
import {Wall} from './cards.js';

const wall = new Wall(document.querySelector('#works'));
const sentinel = document.querySelector('#sentinel');
let cursor = '';
let failures = 0;

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const load = async () => {
  const answer = await fetch(`/api/digital?after=${encodeURIComponent(cursor)}`);
  if (!answer.ok) {
    throw new Error(`HTTP ${answer.status}`);
  }
  const {works, next} = await answer.json();
  wall.hang(works);
  cursor = next;
};

const observer = new IntersectionObserver(async (entries) => {
  if (!entries.at(-1)?.isIntersecting) {
    return;
  }
  // Observed anew afterwards: only a change is told, and the end may still be in sight.
  observer.unobserve(sentinel);
  try {
    await load();
    failures = 0;
  } catch (error) {
    failures += 1;
    console.warn('the next works did not come', error);
    await pause(200 * failures);
  }
  if (cursor === null) {
    sentinel.textContent = 'That is all for now';
    document.body.dataset.complete = 'true';
  } else if (failures < 5) {
    observer.observe(sentinel);
  } else {
    sentinel.textContent = 'The works cannot be reached, please try again later';
  }
}, {rootMargin: '300px'});

observer.observe(sentinel);
