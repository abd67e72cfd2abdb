using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using ShopMesh.Basket.V1;
using ShopMesh.Catalog.V1;
using ShopMesh.Ordering.Api;
using ShopMesh.Ordering.Data;
using ShopMesh.Ordering.Process;
using ShopMesh.Payment.V1;
using BasketClient = ShopMesh.Basket.V1.Basket.BasketClient;
using CatalogClient = ShopMesh.Catalog.V1.Catalog.CatalogClient;
using PaymentClient = ShopMesh.Payment.V1.Payment.PaymentClient;

namespace ShopMesh.Ordering.Placing;

/// <summary>What became of a request to place an order.</summary>
internal abstract record Placement
{
    /// <summary>The order is durable; or was before, by the same request.</summary>
    /// <param name="Begun">Ends when the first step of its process was taken, or takes too long to wait for.</param>
    public sealed record Placed(OrderResponse Receipt, Task Begun) : Placement;

    /// <summary>The key was used for another request.</summary>
    public sealed record KeyReused : Placement;

    /// <summary>It cannot be ordered now; nothing was changed, and the key is free.</summary>
    public sealed record Refused(string Detail) : Placement;

    /// <summary>There is no such shipping option; nothing was changed, and the key is free.</summary>
    public sealed record NoSuchOption : Placement;

    /// <summary>The total is not the expected one; nothing was changed, and the key is free.</summary>
    public sealed record OtherTotal(Money Total) : Placement;

    /// <summary>It can be ordered, and is about to be.</summary>
    public sealed record Draft(Order Order, PlacementKey Key, byte[] Hash, OrderResponse Receipt) : Placement;
}

/// <summary>
/// Makes orders of baskets: gathers what it needs from the other services, then writes them. What is asked for while others are being
/// placed is placed together, with one call to each service and one statement. From then on the orders are <see cref="OrderProcess"/>'s.
/// </summary>
internal sealed class PlaceOrder
{
    private static readonly TimeSpan PaymentDeadline = TimeSpan.FromSeconds(2);

    private readonly PlacedOrders _placed;
    private readonly BasketClient _basket;
    private readonly CatalogClient _catalog;
    private readonly PaymentClient _payment;
    private readonly RateCard _rates;
    private readonly OrderWorker _worker;
    private readonly TimeProvider _time;
    private readonly Batcher<Request, Placement> _placements;

    public PlaceOrder(PlacedOrders placed, BasketClient basket, CatalogClient catalog, PaymentClient payment, RateCard rates, OrderWorker worker, TimeProvider time)
    {
        (_placed, _basket, _catalog, _payment, _rates, _worker, _time) = (placed, basket, catalog, payment, rates, worker, time);
        _placements = new("place orders", PlaceAsync);
    }

    /// <exception cref="RpcException">A service that is needed is away; nothing was changed, and the key is free.</exception>
    /// <exception cref="InvalidFieldException">The shipping option does not exist.</exception>
    public async Task<Placement> PlaceAsync(string customerId, string idempotencyKey, OrderRequest order, CancellationToken cancellationToken)
    {
        var request = new Request(new(customerId, idempotencyKey), HashOf(order), order, Activity.Current?.Id);
        Placement placement;
        try
        {
            placement = await _placements.RunAsync(request).WaitAsync(cancellationToken);
        }
        catch (RpcException)
        {
            // What was ordered before needs nobody.
            if (await FindEarlierAsync(request, cancellationToken) is { } earlier)
                return earlier;
            throw;
        }

        if (placement is Placement.Placed placed)
        {
            await placed.Begun.WaitAsync(cancellationToken);
            return placed;
        }

        // It may be the same request once more: its key is taken, or its basket was emptied by the order that it made.
        return await FindEarlierAsync(request, cancellationToken) ?? placement switch
        {
            Placement.NoSuchOption => throw new InvalidFieldException("shippingOption", "is not the id of a shipping option"),
            Placement.Draft => throw new InvalidOperationException("A key is taken, and is not there."),
            _ => placement,
        };
    }

    private async Task<Placement?> FindEarlierAsync(Request request, CancellationToken cancellationToken) =>
        await _placed.FindAsync(request.Key, cancellationToken) is not { } earlier ? null
        : earlier.Hash.AsSpan().SequenceEqual(request.Hash) ? new Placement.Placed(JsonSerializer.Deserialize(earlier.Receipt, OrderingJson.Default.OrderResponse)!, Task.CompletedTask)
        : new Placement.KeyReused();

    /// <returns>A draft is left where the key is taken.</returns>
    private async Task<IReadOnlyList<Placement>> PlaceAsync(IReadOnlyList<Request> requests)
    {
        var (reading, asking) = (BasketsAsync(requests), CardsAsync(requests));
        await Task.WhenAll(reading, asking);
        var (baskets, cards) = (await reading, await asking);
        var products = await ProductsAsync(baskets.SelectMany(items => items).Select(item => item.ProductId));
        var placements = new List<Placement>();
        foreach (var ((request, items), card) in requests.Zip(baskets).Zip(cards))
            placements.Add(Consider(request, items, products, await _rates.FindAsync(request.Order.ShippingOption, CancellationToken.None), card));
        return await WriteAsync(placements);
    }

    /// <returns>A draft of the order, or why there is none.</returns>
    private Placement Consider(Request request, IReadOnlyList<Item> items, Dictionary<string, Product> products, Money? rate, CardAnswer card)
    {
        if (items.Count == 0)
            return new Placement.Refused("The basket is empty.");
        if (items.Count > Page.MaxLimit)
            return new Placement.Refused($"An order has {Page.MaxLimit} different products at most.");
        if (items.FirstOrDefault(item => !products.ContainsKey(item.ProductId)) is { } gone)
            return new Placement.Refused($"The product '{gone.ProductId}' is no longer sold.");
        if (rate is not { } shipping)
            return new Placement.NoSuchOption();
        if (!card.IsGood)
            return new Placement.Refused("The payment token is unknown.");

        List<OrderLine> lines = [.. items.Select(item => products[item.ProductId]).Zip(items, (product, item) => new OrderLine(product.Id, product.Name, item.Quantity, Money.FromMessage(product.Price)))];
        var now = _time.GetUtcMicroseconds();
        var order = new Order
        {
            Id = Guid.CreateVersion7(now),
            CustomerId = request.Key.CustomerId,
            Lines = lines,
            ItemsTotal = Money.Sum(lines.Select(line => line.Total)).Amount,
            ShippingTotal = shipping.Amount,
            ShippingAddress = request.Order.ShippingAddress.ToData(),
            ShippingOption = request.Order.ShippingOption,
            PaymentToken = request.Order.PaymentToken,
            CardBrand = card.Card?.Brand,
            CardLast4 = card.Card?.Last4,
            History = [new(OrderStatus.Submitted, now)],
            CreatedAt = now,
            UpdatedAt = now,
            TraceParent = request.TraceParent,
            HeldSince = Stopwatch.GetTimestamp(),
        };
        return request.Order.ExpectedTotal is { } expected && expected.Amount != order.Total
            ? new Placement.OtherTotal(new(order.Total))
            : new Placement.Draft(order, request.Key, request.Hash, OrderResponse.From(order));
    }

    /// <summary>Writes the drafts, and begins with those that this replica has a hand free for; the others are anyone's.</summary>
    private async Task<List<Placement>> WriteAsync(List<Placement> placements)
    {
        var drafts = placements.OfType<Placement.Draft>().ToList();
        if (drafts.Count == 0)
            return placements;
        var held = drafts.Where(_ => _worker.TryHold()).Select(draft => draft.Order.Id).ToHashSet();
        HashSet<Guid> written = [];
        try
        {
            written = await _placed.WriteAsync(drafts, held);
        }
        finally
        {
            foreach (var _ in held.Except(written))
                _worker.LetGo();
        }

        return placements.ConvertAll(placement => placement is Placement.Draft draft && written.Contains(draft.Order.Id)
            ? new Placement.Placed(draft.Receipt, held.Contains(draft.Order.Id) ? _worker.BeginAsync(draft.Order) : Task.CompletedTask)
            : placement);
    }

    private async Task<IReadOnlyList<IReadOnlyList<Item>>> BasketsAsync(IReadOnlyList<Request> requests)
    {
        var answer = await _basket.GetBasketsAsync(new() { CustomerIds = { requests.Select(request => request.Key.CustomerId) } });
        return [.. answer.Baskets.Select(basket => basket.Items)];
    }

    private async Task<Dictionary<string, Product>> ProductsAsync(IEnumerable<string> ids)
    {
        var answers = await Task.WhenAll(ids.Distinct().Chunk(Page.MaxLimit).Select(some => _catalog.GetProductsAsync(new() { Ids = { some } }).ResponseAsync));
        return answers.SelectMany(answer => answer.Products).ToDictionary(product => product.Id);
    }

    /// <summary>The cards behind the tokens, where they are the customers'. When payment is away an order is taken all the same: the authorisation refuses a token that is not theirs.</summary>
    private async Task<IReadOnlyList<CardAnswer>> CardsAsync(IReadOnlyList<Request> requests)
    {
        try
        {
            var answer = await _payment.GetTokensAsync(
                new() { Tokens = { requests.Select(request => new GetTokensRequest.Types.CustomerToken { Token = request.Order.PaymentToken, CustomerId = request.Key.CustomerId }) } },
                deadline: _time.GetUtcNow().UtcDateTime + PaymentDeadline);
            return [.. answer.Results.Select(result => new CardAnswer(result.Card is not null, result.Card))];
        }
        catch (RpcException)
        {
            return [.. requests.Select(_ => new CardAnswer(true, null))];
        }
    }

    /// <summary>Of the values, whatever the order of the fields or the white space between them.</summary>
    private static byte[] HashOf(OrderRequest request) => SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(request, OrderingJson.Default.OrderRequest));

    private sealed record Request(PlacementKey Key, byte[] Hash, OrderRequest Order, string? TraceParent);

    private sealed record CardAnswer(bool IsGood, Card? Card);
}
