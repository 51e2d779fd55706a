/** Whether the page is as narrow as a phone. */
class Media {
  private readonly query = matchMedia("(max-width: 720px)");
  phone = $state(this.query.matches);

  constructor() {
    this.query.addEventListener("change", (event) => {
      this.phone = event.matches;
    });
  }
}

export const media = new Media();
