// Cards of works, as an element of its own: modules, private fields, template literals.
const entities = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'};
const escaped = (text) => `${text ?? ''}`.replaceAll(/[&<>"']/g, (sign) => entities[sign]);

export class Wall {
  #list;

  constructor(list) {
    this.#list = list;
  }

  hang(works) {
    for (const {href, thumb, title, subtitle} of works) {
      this.#list.insertAdjacentHTML('beforeend', `<li class="work">
        <a class="work-link" href="${escaped(href)}">
          <img src="${escaped(thumb)}" alt="">
          <span class="name">${escaped(title)}</span>
          <span class="by">${escaped(subtitle)}</span>
        </a></li>`);
    }
  }
}
