using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Basket.Data;

internal sealed class BasketContext(DbContextOptions<BasketContext> options) : DbContext(options)
{
    public const int MaxProducts = 100;
    public const int MaxQuantity = 100;

    public DbSet<BasketItem> Items => Set<BasketItem>();

    public DbSet<RemovedOrder> RemovedOrders => Set<RemovedOrder>();

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<BasketItem>(item =>
        {
            item.ToTable("basket_items", table => table.HasCheckConstraint("ck_basket_items_quantity", "quantity BETWEEN 1 AND 100"));
            item.HasKey(i => new { i.CustomerId, i.ProductId });
            item.Property(i => i.ProductId).HasMaxLength(64);
        });

        modelBuilder.Entity<RemovedOrder>(order =>
        {
            order.HasKey(o => o.OrderId);
            order.HasIndex(o => o.At);
        });
    }
}
