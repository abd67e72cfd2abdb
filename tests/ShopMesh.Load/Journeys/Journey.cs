namespace ShopMesh.Load.Journeys;

/// <summary>What a visitor does: requests that follow each other.</summary>
public sealed class Journey
{
    private Journey(string name, double requests, bool needsCustomer, string description, Func<Visit, Task> runAsync) =>
        (Name, Requests, NeedsCustomer, Description, RunAsync) = (name, requests, needsCustomer, description, runAsync);

    public static Journey Browse { get; } = new("browse", 3, needsCustomer: false, "a page of products, one of them, and whether it is there", Browsing.RunAsync);

    public static Journey Search { get; } = new("search", 2, needsCustomer: false, "a search by words, and a product that it found", Searching.RunAsync);

    public static Journey Basket { get; } = new("basket", 3, needsCustomer: true, "a product goes into the basket, the basket is looked at, and the product goes out again", FillingABasket.RunAsync);

    public static Journey Order { get; } = new("order", 5.1, needsCustomer: true, "a basket is ordered with a new card, the order and the list of orders are looked at, and now and then an order of somebody else's", Ordering.RunAsync);

    public static Journey Watch { get; } = new("watch", 4, needsCustomer: true, "a basket is ordered, and the order's events are followed to its end", Watching.RunAsync);

    /// <summary>A request by itself, for measuring what it costs.</summary>
    public static Journey Product { get; } = new("product", 1, needsCustomer: false, "only a product by its id", Browsing.ProductAsync);

    /// <inheritdoc cref="Product"/>
    public static Journey Page { get; } = new("page", 1, needsCustomer: false, "only a page of 20 products", Browsing.PageAsync);

    /// <inheritdoc cref="Product"/>
    public static Journey Find { get; } = new("find", 1, needsCustomer: false, "only a search", Searching.FindAsync);

    /// <inheritdoc cref="Product"/>
    public static Journey Put { get; } = new("put", 1, needsCustomer: true, "only a change of a basket that holds three products", FillingABasket.PutAsync);

    /// <summary>As little as an order can be: one product into the basket, and the order.</summary>
    public static Journey Place { get; } = new("place", 2, needsCustomer: true, "only an order, and the product in the basket that it needs", Ordering.PlaceAsync);

    /// <summary>The same, until the order is confirmed.</summary>
    public static Journey Confirm { get; } = new("confirm", 3, needsCustomer: true, "only an order, followed until it is confirmed", Watching.ConfirmAsync);

    public static IReadOnlyList<Journey> All { get; } = [Browse, Search, Basket, Order, Watch, Product, Page, Find, Put, Place, Confirm];

    public string Name { get; }

    /// <summary>How many requests it makes, on the average.</summary>
    public double Requests { get; }

    public string Description { get; }

    /// <summary>Whether it is a signed-in customer's, who fills no other basket meanwhile.</summary>
    internal bool NeedsCustomer { get; }

    /// <summary>Ends with a <see cref="RequestFailedException"/> at the first request that fails; it is on record then.</summary>
    internal Func<Visit, Task> RunAsync { get; }

    /// <summary>Whether it places orders.</summary>
    internal bool Orders => this == Order || this == Watch || this == Place || this == Confirm;

    internal bool Searches => this == Search || this == Find;

    public override string ToString() => Name;
}
