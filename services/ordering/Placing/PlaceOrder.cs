using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using Microsoft.EntityFrameworkCore;
using Npgsql;
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
    public sealed record Placed(OrderResponse Receipt) : Placement;

    /// <summary>The key was used for another request.</summary>
    public sealed record KeyReused : Placement;

    /// <summary>It cannot be ordered now; nothing was changed, and the key is free.</summary>
    public sealed record Refused(string Detail) : Placement;

    /// <summary>The total is not the expected one; nothing was changed, and the key is free.</summary>
    public sealed record OtherTotal(Money Total) : Placement;
}

/// <summary>
/// Makes an order of a basket: gathers what it needs from the other services, then writes it in one transaction.
/// From then on it is <see cref="OrderProcess"/>'s.
/// </summary>
internal sealed class PlaceOrder(
    OrderingContext context, BasketClient basket, CatalogClient catalog, PaymentClient payment, RateCard rates, OrderWorker worker, TimeProvider time)
{
    private static readonly TimeSpan PaymentDeadline = TimeSpan.FromSeconds(2);

    /// <exception cref="RpcException">A service that is needed is away; nothing was changed, and the key is free.</exception>
    /// <exception cref="InvalidFieldException">The shipping option does not exist.</exception>
    public async Task<Placement> PlaceAsync(string customerId, string idempotencyKey, OrderRequest request, CancellationToken cancellationToken)
    {
        var hash = HashOf(request);
        if (await FindEarlierAsync(customerId, idempotencyKey, hash, cancellationToken) is { } earlier)
            return earlier;

        var placement = await PlaceNewAsync(customerId, idempotencyKey, hash, request, cancellationToken);
        // The same request may have come in twice at once; the basket that is empty for this one was ordered by the other.
        return placement is Placement.Placed ? placement : await FindEarlierAsync(customerId, idempotencyKey, hash, cancellationToken) ?? placement;
    }

    private async Task<Placement> PlaceNewAsync(string customerId, string idempotencyKey, byte[] hash, OrderRequest request, CancellationToken cancellationToken)
    {
        var items = (await basket.GetBasketAsync(new() { CustomerId = customerId }, cancellationToken: cancellationToken)).Items;
        if (items.Count == 0)
            return new Placement.Refused("The basket is empty.");
        if (items.Count > Page.MaxLimit)
            return new Placement.Refused($"An order has {Page.MaxLimit} different products at most.");

        var products = (await catalog.GetProductsAsync(new() { Ids = { items.Select(item => item.ProductId) } }, cancellationToken: cancellationToken)).Products.ToDictionary(product => product.Id);
        if (items.FirstOrDefault(item => !products.ContainsKey(item.ProductId)) is { } gone)
            return new Placement.Refused($"The product '{gone.ProductId}' is no longer sold.");

        if (await rates.FindAsync(request.ShippingOption, cancellationToken) is not { } rate)
            throw new InvalidFieldException("shippingOption", "is not the id of a shipping option");

        var (tokenIsGood, card) = await FindCardAsync(customerId, request.PaymentToken, cancellationToken);
        if (!tokenIsGood)
            return new Placement.Refused("The payment token is unknown.");

        List<OrderLine> lines = [.. items.Select(item => products[item.ProductId]).Zip(items, (product, item) => new OrderLine(product.Id, product.Name, item.Quantity, Money.FromMessage(product.Price)))];
        var now = time.GetUtcMicroseconds();
        var order = new Order
        {
            Id = Guid.CreateVersion7(now),
            CustomerId = customerId,
            Lines = lines,
            ItemsTotal = Money.Sum(lines.Select(line => line.Total)).Amount,
            ShippingTotal = rate.Amount,
            ShippingAddress = request.ShippingAddress.ToData(),
            ShippingOption = request.ShippingOption,
            PaymentToken = request.PaymentToken,
            CardBrand = card?.Brand,
            CardLast4 = card?.Last4,
            History = [new(OrderStatus.Submitted, now)],
            CreatedAt = now,
            UpdatedAt = now,
            TraceParent = Activity.Current?.Id,
        };
        return request.ExpectedTotal is { } expected && expected.Amount != order.Total
            ? new Placement.OtherTotal(new(order.Total))
            : await SaveAsync(order, idempotencyKey, hash, cancellationToken);
    }

    /// <summary>The order, its key and its answer, in one transaction.</summary>
    private async Task<Placement> SaveAsync(Order order, string idempotencyKey, byte[] hash, CancellationToken cancellationToken)
    {
        var receipt = OrderResponse.From(order);
        context.Add(order);
        context.Add(new PlacedOrder
        {
            CustomerId = order.CustomerId,
            IdempotencyKey = idempotencyKey,
            RequestHash = hash,
            OrderId = order.Id,
            Receipt = JsonSerializer.Serialize(receipt, OrderingJson.Default.OrderResponse),
        });
        try
        {
            await context.SaveChangesAsync(cancellationToken);
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            context.ChangeTracker.Clear();
            return await FindEarlierAsync(order.CustomerId, idempotencyKey, hash, cancellationToken) ?? throw new InvalidOperationException("A key is taken, and is not there.", e);
        }

        await worker.BeginAsync(order);
        return new Placement.Placed(receipt);
    }

    private async Task<Placement?> FindEarlierAsync(string customerId, string idempotencyKey, byte[] hash, CancellationToken cancellationToken)
    {
        var earlier = await context.PlacedOrders.AsNoTracking()
            .Where(placed => placed.CustomerId == customerId && placed.IdempotencyKey == idempotencyKey)
            .Select(placed => new { placed.RequestHash, placed.Receipt })
            .SingleOrDefaultAsync(cancellationToken);
        return earlier is null ? null
            : earlier.RequestHash.AsSpan().SequenceEqual(hash) ? new Placement.Placed(JsonSerializer.Deserialize(earlier.Receipt, OrderingJson.Default.OrderResponse)!)
            : new Placement.KeyReused();
    }

    /// <summary>The card behind the token, if it is the customer's. When payment is away the order is taken all the same: the authorisation refuses a token that is not theirs.</summary>
    private async Task<(bool IsGood, Card? Card)> FindCardAsync(string customerId, string token, CancellationToken cancellationToken)
    {
        try
        {
            var answer = await payment.GetTokenAsync(
                new() { CustomerId = customerId, Token = token }, deadline: time.GetUtcNow().UtcDateTime + PaymentDeadline, cancellationToken: cancellationToken);
            return (true, answer.Card);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.NotFound or StatusCode.InvalidArgument)
        {
            return (false, null);
        }
        catch (RpcException) when (!cancellationToken.IsCancellationRequested)
        {
            return (true, null);
        }
    }

    /// <summary>Of the values, whatever the order of the fields or the white space between them.</summary>
    private static byte[] HashOf(OrderRequest request) => SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(request, OrderingJson.Default.OrderRequest));
}
