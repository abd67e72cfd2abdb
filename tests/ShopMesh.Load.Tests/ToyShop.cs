using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ShopMesh.Load.Tests;

/// <summary>What a <see cref="ToyShop"/> gets wrong.</summary>
public enum Fault
{
    None,
    PriceOnPage,
    PriceOfProduct,
    OtherProduct,
    FoundWithoutTheWord,
    NotByPrice,
    BasketPrice,
    BasketLineTotal,
    BasketTotal,
    BasketQuantity,
    BasketOfAnother,
    OrderTotal,
    OrderShipping,
    OrderPrice,
    OrderOfAnother,
    OrderChangesLater,
    ListOfAnother,
    AnotherOrderIsShown,
    EventsSkipAStatus,
    EventsRepeatAnId,
    HistoryDiffersFromEvents,
    CardDeclined,
    NotJson,
}

/// <summary>
/// The shop's HTTP API, kept in memory by a real server on a port of its own, which can be made to answer wrongly, late or not at all.
/// What it answers when nothing is wrong is what the shop does: the end-to-end tests load that one.
/// </summary>
public sealed class ToyShop : IAsyncDisposable
{
    private static readonly string[] Path = ["submitted", "reserved", "paid", "confirmed", "dispatched", "delivered"];
    private static readonly string[] Rejection = ["submitted", "reserved", "rejected"];

    private readonly WebApplication _app;
    private readonly List<Product> _products = [.. Enumerable.Range(0, 50).Select(i => new Product($"p{i:00}", $"Walnut Table {i:00}", "A table of solid wood.", "Halvard", Price(10 + i)))];
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, int>> _baskets = new();
    private readonly ConcurrentDictionary<string, (string Owner, Order Order)> _orders = new();
    private int _streams;

    private ToyShop(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    public Fault Fault { get; set; }

    /// <summary>Runs before every request below /api is answered.</summary>
    public Func<HttpContext, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>After how many events an event stream breaks off when it is opened for the first time; 0 for never.</summary>
    public int BreakStreamsAfter { get; set; }

    public static async Task<ToyShop> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(1));
        var shop = new ToyShop(builder.Build());
        shop.Map();
        await shop._app.StartAsync(TestContext.Current.CancellationToken);
        return shop;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    /// <summary>Offers a load to it.</summary>
    public async Task<LoadReport> LoadAsync(Mix mix, Profile profile, int customers = 20, Func<LoadOptions, LoadOptions>? with = null)
    {
        // What happens before the load is right.
        var (fault, before) = (Fault, Before);
        (Fault, Before) = (Fault.None, _ => Task.CompletedTask);
        var signedIn = await Customers.SignInAsync(Address, customers, TestContext.Current.CancellationToken);
        var known = await KnownShop.ReadAsync(Address, cancellationToken: TestContext.Current.CancellationToken);
        (Fault, Before) = (fault, before);
        var options = new LoadOptions(Address) { Mix = mix, Profile = profile, Shop = known };
        return await OpenLoop.RunAsync(with is null ? options : with(options), signedIn, TestContext.Current.CancellationToken);
    }

    private void Map()
    {
        _app.Use(async (context, next) =>
        {
            if (context.Request.Path.StartsWithSegments("/api"))
                await Before(context);
            if (!context.Response.HasStarted)
                await next(context);
        });
        _app.MapPost("/api/accounts", () => Results.StatusCode(201));
        _app.MapPost("/connect/token", () => Results.Json(new { access_token = Guid.NewGuid().ToString("N") }));
        _app.MapPost("/api/payments/tokens", () => Results.Json(new { token = Guid.NewGuid().ToString("N") }, statusCode: 201));
        _app.MapGet("/api/shipping/options", () => Results.Json(new { items = new[] { new { id = "standard", price = Price(4.90m) } } }));
        _app.MapGet("/api/inventory", (string productIds) => Results.Json(new { items = new[] { new { productId = productIds, available = 7 } } }));
        _app.MapGet("/api/catalog/products", List);
        _app.MapGet("/api/catalog/products/{id}", (string id) => Fault switch
        {
            Fault.NotJson => Results.Text("<html>", "text/html"),
            Fault.OtherProduct => Results.Json(_products.First(product => product.Id != id)),
            _ => Results.Json(Find(id) with { Price = Fault is Fault.PriceOfProduct ? Price(1) : Find(id).Price }),
        });
        _app.MapGet("/api/basket", (HttpContext context) => Results.Json(BasketOf(context)));
        _app.MapPut("/api/basket/items/{id}", (HttpContext context, string id, Quantity body) =>
        {
            Items(context)[id] = body.Value;
            return Results.Json(BasketOf(context));
        });
        _app.MapDelete("/api/basket/items/{id}", (HttpContext context, string id) =>
        {
            Items(context).TryRemove(id, out _);
            return Results.NoContent();
        });
        _app.MapPost("/api/orders", Place);
        _app.MapGet("/api/orders", (HttpContext context, int limit) => Results.Json(new
        {
            items = _orders.Values.Where(order => order.Owner == Owner(context) != (Fault is Fault.ListOfAnother)).Select(order => order.Order).OrderByDescending(order => order.Id, StringComparer.Ordinal).Take(limit),
        }));
        _app.MapGet("/api/orders/{id}", (HttpContext context, string id) =>
            _orders.TryGetValue(id, out var found) && (found.Owner == Owner(context) || Fault is Fault.AnotherOrderIsShown)
                ? Results.Json(Fault is Fault.OrderChangesLater ? found.Order with { Total = Price(1) } : Ended(found.Order))
                : Results.NotFound());
        _app.MapGet("/api/orders/{id}/events", EventsAsync);
    }

    private IResult List(int limit, string? cursor, string? query, string? sort)
    {
        if (query is not null)
        {
            var found = _products.Take(limit);
            found = Fault switch
            {
                Fault.FoundWithoutTheWord => found.Append(new("x", "Chair", "A chair.", "Halvard", Price(1_000))).TakeLast(limit),
                Fault.NotByPrice => found.Reverse(),
                _ => found,
            };
            return Results.Json(new { items = found, nextCursor = (string?)null });
        }

        var from = string.IsNullOrEmpty(cursor) ? 0 : int.Parse(cursor, CultureInfo.InvariantCulture);
        var page = _products.Skip(from).Take(limit).Select(product => product with { Price = Fault is Fault.PriceOnPage ? Price(2) : product.Price });
        return Results.Json(new { items = page, nextCursor = from + limit < _products.Count ? $"{from + limit}" : null });
    }

    private IResult Place(HttpContext context)
    {
        var items = Items(context);
        var lines = LinesOf(items, Fault is Fault.OrderPrice);
        if (Fault is Fault.OrderOfAnother)
            lines = [.. lines, LineOf("p49", 1, Price(59)), LineOf("p48", 1, Price(58))];
        items.Clear();
        var sum = lines.Sum(line => Amount(line.LineTotal));
        var shipping = Fault is Fault.OrderShipping ? 5.90m : 4.90m;
        var order = new Order(Guid.CreateVersion7().ToString(), "submitted", null, lines, Price(sum), Price(shipping), Price(sum + shipping - (Fault is Fault.OrderTotal ? 0.01m : 0)), [new("submitted")]);
        _orders[order.Id] = (Owner(context), order);
        return Results.Json(order, statusCode: 201);
    }

    private async Task EventsAsync(HttpContext context, string id)
    {
        context.Response.ContentType = "text/event-stream";
        var from = int.TryParse(context.Request.Headers["Last-Event-ID"], CultureInfo.InvariantCulture, out var last) ? last : 0;
        var statuses = Fault switch { Fault.EventsSkipAStatus => [.. Path.Where(status => status != "paid")], Fault.CardDeclined => Rejection, _ => Path };
        for (var i = from; i < statuses.Length; i++)
        {
            if (from == 0 && i > 0 && i == BreakStreamsAfter)
            {
                // Half of them end, as when a pod drains, and half are cut off, as when it is killed; not before their events are through.
                if (Interlocked.Increment(ref _streams) % 2 == 0)
                {
                    await Task.Delay(100);
                    context.Abort();
                }

                return;
            }

            await context.Response.WriteAsync($"event: status\nid: {(Fault is Fault.EventsRepeatAnId && i > 2 ? i : i + 1)}\ndata: {{\"status\": \"{statuses[i]}\"}}\n\n");
            await context.Response.Body.FlushAsync();
        }
    }

    private Order Ended(Order order) => Fault switch
    {
        Fault.CardDeclined => order with { Status = "rejected", Reason = "payment_declined", History = [.. Rejection.Select(status => new Change(status))] },
        Fault.HistoryDiffersFromEvents => order with { Status = "delivered" },
        _ => order with { Status = "delivered", History = [.. Path.Select(status => new Change(status))] },
    };

    private object BasketOf(HttpContext context)
    {
        var lines = LinesOf(Items(context), Fault is Fault.BasketPrice);
        lines = Fault switch
        {
            Fault.BasketLineTotal => [.. lines.Select(line => line with { LineTotal = Price(0.5m) })],
            Fault.BasketQuantity => [.. lines.Select(line => LineOf(line.ProductId, line.Quantity + 1, line.UnitPrice))],
            Fault.BasketOfAnother => [.. lines, LineOf("p49", 1, Price(59)), LineOf("p48", 1, Price(58))],
            _ => lines,
        };
        return new { items = lines, total = Price(lines.Sum(line => Amount(line.LineTotal)) + (Fault is Fault.BasketTotal ? 1 : 0)) };
    }

    private Line[] LinesOf(ConcurrentDictionary<string, int> items, bool wrongPrice) =>
        [.. items.Select(item => LineOf(item.Key, item.Value, wrongPrice ? Price(3) : Find(item.Key).Price))];

    private ConcurrentDictionary<string, int> Items(HttpContext context) => _baskets.GetOrAdd(Owner(context), _ => new());

    private Product Find(string id) => _products.Find(product => product.Id == id)!;

    private static string Owner(HttpContext context) => context.Request.Headers.Authorization.ToString();

    private static Line LineOf(string product, int quantity, Money price) => new(product, quantity, price, Price(Amount(price) * quantity));

    private static Money Price(decimal amount) => new(amount.ToString("0.00", CultureInfo.InvariantCulture), "EUR");

    private static decimal Amount(Money money) => decimal.Parse(money.Amount, CultureInfo.InvariantCulture);

    private sealed record Money(string Amount, string Currency);

    private sealed record Product(string Id, string Name, string Description, string Brand, Money Price);

    private sealed record Line(string ProductId, int Quantity, Money UnitPrice, Money LineTotal);

    private sealed record Change(string Status);

    private sealed record Quantity([property: System.Text.Json.Serialization.JsonPropertyName("quantity")] int Value);

    private sealed record Order(string Id, string Status, string? Reason, IReadOnlyList<Line> Lines, Money ItemsTotal, Money ShippingTotal, Money Total, IReadOnlyList<Change> History);
}
